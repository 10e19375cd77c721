import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";

const exec = promisify(execFile);
const run = async (command: string, ...args: string[]) => (await exec(command, args)).stdout.trim();

describe("the container of the system tests", () => {
  it("has systemd as PID 1", async () => {
    expect((await readFile("/proc/1/comm", "utf8")).trim()).toBe("systemd");
    expect(await run("systemctl", "show", "--property=Version", "--value")).not.toBe("");
  });

  it("has a Node that velos supports", () => {
    const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
    expect(major * 1000 + minor).toBeGreaterThanOrEqual(20_019);
  });

  it("keeps what a unit writes in the journal", async () => {
    await run("systemd-run", "--wait", "--unit=velos-test-echo", "echo", "a line for the journal");
    // The line was written before the unit ended, but journald reads at its own pace.
    await run("journalctl", "--sync");
    const lines = await run("journalctl", "--unit=velos-test-echo", "--output=cat");
    expect(lines.split("\n")).toContain("a line for the journal");
  });

  it("mounts the checkout read-only", async () => {
    await expect(run("touch", "/src/package.json")).rejects.toThrow("Read-only file system");
  });

  describe("for an ordinary user", () => {
    const asTester = (...command: string[]) =>
      run("runuser", "-u", "tester", "--", "env", "XDG_RUNTIME_DIR=/run/user/1000", ...command);

    beforeAll(async () => {
      await run("loginctl", "enable-linger", "tester");
      // Lingering only asks for the manager; starting its unit waits until it is ready.
      await run("systemctl", "start", "user@1000.service");
    });

    it("has a service manager", async () => {
      expect(await asTester("systemctl", "--user", "is-system-running", "--wait")).toBe("running");
      expect(await asTester("systemctl", "--user", "show-environment")).toContain("HOME=/home/tester");
    });

    it("runs units as that user", async () => {
      const id = await asTester("systemd-run", "--user", "--wait", "--pipe", "--quiet", "id", "--user");
      expect(id).toBe("1000");
    });

    it("keeps what those units write in a journal the user can read", async () => {
      const unit = ["--unit=velos-test-echo", "--property=SyslogIdentifier=velos-test-echo"];
      await asTester("systemd-run", "--user", "--wait", ...unit, "echo", "a line for the user's journal");
      await run("journalctl", "--sync");
      // By identifier: a user manager does not tell journald the unit, which finds nothing once the process is gone.
      const lines = await asTester("journalctl", "--user", "--identifier=velos-test-echo", "--output=cat");
      expect(lines.split("\n")).toContain("a line for the user's journal");
    });
  });
});
