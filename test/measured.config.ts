import { defineConfig } from "vitest/config";
import { measured } from "./measured.ts";

export default defineConfig({
  test: {
    include: measured,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // The machines of CI are shared: a figure that is missed once is measured again, and the report says so.
    retry: process.env["CI"] === "true" ? 2 : 0,
    fileParallelism: false,
  },
});
