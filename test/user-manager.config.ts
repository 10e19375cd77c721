import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/integration/systemd/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // One manager for all of them.
    fileParallelism: false,
  },
});
