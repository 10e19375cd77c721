import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/integration/**/*.test.ts"],
    exclude: ["test/integration/systemd/**"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Real processes on two processors: files one after the other, so that timings mean something.
    fileParallelism: false,
  },
});
