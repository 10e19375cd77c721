import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/integration/**/*.test.ts"],
    exclude: ["test/integration/systemd/**"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The machines of CI are shared: a figure that is missed once is measured again, and the report says so.
    retry: process.env["CI"] === "true" ? 2 : 0,
    // Real processes on two processors: files one after the other, so that timings mean something.
    fileParallelism: false,
  },
});
