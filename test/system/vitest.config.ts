import { defineConfig } from "vitest/config";

// These tests make and remove system units, and would do so on the machine of whoever ran them by hand.
if (process.env["VELOS_TEST_TIER"] !== "system")
  throw new Error("the system tests run in a container: test/system/run");

/** test/system/run boots the container twice: one file is for the second time, all others for the first. */
const afterReboot = "test/system/after-reboot.test.ts";
const isRebooted = process.env["VELOS_TEST_BOOT"] === "1";

export default defineConfig({
  // The checkout is mounted read-only.
  cacheDir: "/tmp/vitest",
  test: {
    include: [isRebooted ? afterReboot : "test/system/**/*.test.ts"],
    exclude: isRebooted ? [] : [afterReboot],
    // There is one service manager, and every file uses it.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The machines of CI are shared: a figure that is missed once is measured again, and the report says so.
    retry: process.env["CI"] === "true" ? 2 : 0,
    reporters: ["default", ["json", { outputFile: `test-output/${isRebooted ? "reboot" : "system"}.json` }]],
  },
});
