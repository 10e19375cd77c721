import { describe, expect, it } from "vitest";
import type { RebootReport } from "../vm/expect-rebooted.ts";
import { expectRebooted } from "../vm/expect-rebooted.ts";
import { run } from "./velos.ts";

// test/system/run has run the same program before it stopped the container and started it anew: systemd has booted twice,
// with the same disk. Of the kernel's part test/vm knows more.
describe("after a reboot", () => {
  it("everything that ran runs again in both scopes, and what was stopped stays stopped", async () => {
    const { stdout, stderr } = await run("env", "VELOS_BOOT=1", process.execPath, "/src/test/vm/guest/reboot.mjs");
    const line = /^reboot (.*)$/m.exec(stdout)?.[1];
    expect(line, stderr).toBeDefined();
    expectRebooted(JSON.parse(line!) as RebootReport);
  });
});
