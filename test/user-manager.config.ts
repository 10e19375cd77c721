import { defineConfig } from "vitest/config";
import { measured } from "./measured.ts";

export default defineConfig({
  test: {
    include: ["test/integration/systemd/**/*.test.ts"],
    exclude: measured,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // The machines of CI are shared: what is missed once is tried again, and the report says so.
    retry: process.env["CI"] === "true" ? 2 : 0,
    // One manager for all of them; more run side by side with a manager each, see run.mjs.
    fileParallelism: false,
  },
});
