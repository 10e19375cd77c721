import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { startupText, unstartupText } from "../../src/cli/render/startup.ts";
import { FakeTerminal } from "./harness.ts";

const home = mkdtempSync(join(tmpdir(), "velos-startup-"));
afterAll(() => rmSync(home, { recursive: true }));
const velos = async (...args: string[]) => new FakeTerminal(home).run(...args);

describe("velos startup", () => {
  it.each(["startup", "unstartup"])(
    "says why nothing can be done where systemd is not what runs apps: %s",
    async (name) => {
      const { code, out, err } = await velos(name, "--backend", "spawn");
      expect(code).toBe(1);
      expect(out).toBe("");
      expect(err).toMatch(/^velos: nothing can start velosd at boot: the backend is not systemd\n {2}\S.*\n$/);
      expect(JSON.parse((await velos(name, "--backend", "spawn", "--json")).out)).toMatchObject({
        error: { code: "STARTUP_FAILED" },
      });
    },
  );

  it("tells what it did, and what an administrator has to do", () => {
    const units = [
      {
        path: "/home/ann/.config/systemd/user/velosd.service",
        change: "written" as const,
        text: "[Unit]\n\n[Service]\n",
      },
      { path: "/home/ann/.config/systemd/user/velosd.socket", change: "unchanged" as const },
    ];
    const report = { scope: "user" as const, dryRun: false, units, enabled: ["velosd.socket", "velosd.service"] };
    expect(startupText({ ...report, linger: { user: "ann", on: false, why: "Access denied" } })).toBe(
      `wrote /home/ann/.config/systemd/user/velosd.service
is as it should be: /home/ann/.config/systemd/user/velosd.socket
enabled velosd.socket and velosd.service
lingering could not be turned on (Access denied): the apps of ann end with the last session and come up with the next; \`sudo loginctl enable-linger ann\``,
    );
    expect(startupText({ ...report, dryRun: true, linger: { user: "ann", on: false } })).toBe(
      `would write /home/ann/.config/systemd/user/velosd.service:
  [Unit]

  [Service]

is as it should be: /home/ann/.config/systemd/user/velosd.socket
would enable velosd.socket and velosd.service
would turn lingering on for ann`,
    );
  });

  it("is undone in as many words", () => {
    const nothing = { scope: "system" as const, dryRun: false, units: [], disabled: [] };
    expect(unstartupText(nothing)).toBe("velosd is not started at boot: there is nothing to undo");
    expect(unstartupText({ ...nothing, dryRun: true, disabled: ["velosd.socket", "velosd.service"] })).toBe(
      "would disable velosd.socket and velosd.service\napps would go on",
    );
  });
});

it("velos save does nothing, and says so", async () => {
  expect(await velos("save")).toMatchObject({ code: 0, out: expect.stringContaining("nothing has to be saved") });
  expect(JSON.parse((await velos("save", "--json")).out)).toEqual({ saved: true });
});
