import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation, ping } from "./installation.ts";
import { must, rows, run } from "./velos.ts";

const config = "/home/tester/.config/systemd/user";
const asTester = async (...command: string[]): Promise<string> =>
  must("runuser", "-u", "tester", "--", "env", "XDG_RUNTIME_DIR=/run/user/1000", ...command);
const statuses = async (by: Installation["velosAsTester"]) =>
  (await rows(by)).map(({ name, status }) => `${name} ${status}`);

/** Ends the user's service manager and starts it again, as a reboot does. */
const rebootUser = async (): Promise<void> => {
  await must("systemctl", "stop", "user@1000.service");
  // Which may be done five times in ten seconds, else.
  await run("systemctl", "reset-failed", "user@1000.service");
  await must("systemctl", "start", "user@1000.service");
};

/** Waits until as many instances of an app are up; the service manager alone is asked, so that no command wakes velosd. */
const untilUp = async (app: string, count: number): Promise<void> => {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const { stdout } = await run(
      "runuser",
      "-u",
      "tester",
      "--",
      "env",
      "XDG_RUNTIME_DIR=/run/user/1000",
      "systemctl",
      "--user",
      "list-units",
      "--plain",
      "--no-legend",
      "--state=active",
      `velos-${app}@*`,
    );
    const there = stdout.split("\n").filter(Boolean).length;
    if (there === count) return;
    if (Date.now() > deadline) throw new Error(`${there} of ${count} instances of ${app} came up`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

/** From the start of velosd to the last instance of `many` that is up, by the service manager's own clock. */
const secondsToComeUp = async (count: number): Promise<number> => {
  const moments = async (property: string, ...units: string[]): Promise<number[]> =>
    (await asTester("systemctl", "--user", "show", "--value", `--property=${property}`, ...units))
      .split("\n")
      .filter((line) => Number(line) > 0)
      .map(Number);
  const [began] = await moments("ExecMainStartTimestampMonotonic", "velosd.service");
  const up = await moments("ActiveEnterTimestampMonotonic", "velos-many@*.service");
  expect(up).toHaveLength(count);
  return (Math.max(...up) - began!) / 1e6;
};

describe("velos startup in a user's scope", () => {
  let here: Installation;
  const velos = async (...args: string[]) => here.velosAsTester(...args);

  beforeAll(async () => {
    here = Installation.temporary();
    await must("loginctl", "enable-linger", "tester");
    await must("systemctl", "start", "user@1000.service");
    await velos("kill");
    await velos("start", "sleep", "--name", "many", "-i", "5", "--", "1000");
    await velos("start", "sleep", "--name", "still", "-i", "2", "--", "1000");
  });
  afterAll(async () => {
    await must("loginctl", "enable-linger", "tester");
    await must("systemctl", "start", "user@1000.service");
    await velos("unstartup");
    await velos("delete", "all");
    await velos("kill");
    rmSync("/home/tester/.config", { recursive: true, force: true });
    here.remove();
  });

  it("installs the user's own units, and turns lingering on", async () => {
    // With a session of some kind the manager stays without lingering.
    await must("systemctl", "stop", "systemd-logind.service");
    rmSync("/var/lib/systemd/linger/tester");
    const before = (await rows(velos)).map(({ pid }) => pid);
    const { code, stdout, stderr } = await velos("startup");
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toContain("lingering is on: the apps of tester outlive the session");
    expect(readdirSync("/var/lib/systemd/linger")).toContain("tester");
    expect(readdirSync(config).filter((name) => name.startsWith("velos"))).toEqual([
      "velos.slice",
      "velosd.service",
      "velosd.socket",
    ]);
    expect((await rows(velos)).map(({ pid }) => pid)).toEqual(before);
  });

  it("brings back what ran, in the same number, and leaves stopped what was stopped", async () => {
    await velos("scale", "many", "6");
    await velos("stop", "still");
    await velos("stop", "many:1");
    await rebootUser();
    await untilUp("many", 5);
    const expected = [0, 1, 2, 3, 4, 5].map((index) => `many:${index} ${index === 1 ? "stopped" : "online"}`);
    expect(await statuses(velos)).toEqual([...expected, "still:0 stopped", "still:1 stopped"]);
    const seconds = await secondsToComeUp(expected.length - 1);
    console.log(`    · from velosd's start to ${expected.length - 1} instances up: ${seconds.toFixed(2)} s`);
  });

  it("brings back what listens on an address that the machine gets later", async () => {
    const address = "10.77.0.1";
    const app = ["start", "/src/packaging/examples/http.mjs", "--name", "early", "--listen", `${address}:3177`];
    // The velosd of the boot expects addresses that are not there; any other takes one for a mistake.
    await velos("kill");
    const refused = await velos(...app);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`it could not listen on ${address}:3177`);
    await must("ip", "address", "add", `${address}/32`, "dev", "lo");
    try {
      expect((await velos(...app)).code).toBe(0);
      await must("ip", "address", "delete", `${address}/32`, "dev", "lo");
      await rebootUser();
      await untilUp("early", 1);
    } finally {
      await run("ip", "address", "add", `${address}/32`, "dev", "lo");
    }
    expect(await must("curl", "--silent", "--fail", `http://${address}:3177/`)).not.toBe("");
    expect((await velos("delete", "early")).code).toBe(0);
    await must("ip", "address", "delete", `${address}/32`, "dev", "lo");
  });

  it("does not take a shutdown that it lives to see for an operator's stop", async () => {
    // Instances first, then half a second in which velosd sees them gone, then velosd, and last the bus.
    const files = {
      "velos-many@.service.d/late.conf": "[Unit]\nAfter=test-gap.service\n",
      "dbus.service.d/late.conf": "[Unit]\nBefore=velosd.service\n",
      "test-gap.service":
        "[Unit]\nAfter=velosd.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStop=/bin/sleep 0.5\n[Install]\nWantedBy=default.target\n",
    };
    for (const [name, text] of Object.entries(files)) {
      const path = `${config}/${name}`;
      mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      writeFileSync(path, text);
    }
    await asTester("systemctl", "--user", "daemon-reload");
    await asTester("systemctl", "--user", "enable", "--now", "test-gap.service");
    // The order holds for instances that are loaded from now on.
    await velos("stop", "many");
    await velos("start", "many");
    await rebootUser();
    await untilUp("many", 6);
    expect((await statuses(velos)).filter((line) => line.startsWith("many"))).toEqual(
      [0, 1, 2, 3, 4, 5].map((index) => `many:${index} online`),
    );
    await asTester("systemctl", "--user", "disable", "--now", "test-gap.service");
    for (const name of Object.keys(files)) rmSync(`${config}/${name}`);
    await asTester("systemctl", "--user", "daemon-reload");
  });

  it("brings everything back also when velosd had left long before", async () => {
    mkdirSync("/home/tester/.config/velos", { recursive: true });
    writeFileSync("/home/tester/.config/velos/velos.toml", 'idle_exit = "100ms"\n');
    await velos("kill");
    await ping(velos);
    const deadline = Date.now() + 10_000;
    const state = ["systemctl", "--user", "show", "--value", "--property=ActiveState", "velosd.service"];
    while ((await asTester(...state)) !== "inactive") {
      if (Date.now() > deadline) throw new Error("velosd does not leave");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await rebootUser();
    await untilUp("many", 6);
    rmSync("/home/tester/.config/velos", { recursive: true });
    await velos("kill");
    expect((await statuses(velos)).filter((line) => line.startsWith("still"))).toEqual([
      "still:0 stopped",
      "still:1 stopped",
    ]);
  });

  it("says plainly that lingering is missing where it may not be turned on", async () => {
    await must("systemctl", "mask", "--runtime", "--now", "polkit.service");
    rmSync("/var/lib/systemd/linger/tester");
    try {
      const { code, stdout } = await velos("startup");
      expect(code).toBe(1);
      expect(stdout).toMatch(/^lingering could not be turned on \(.+\): .*`sudo loginctl enable-linger tester`$/m);
      expect((await ping(velos)).pid).toBeGreaterThan(0);
    } finally {
      await must("systemctl", "unmask", "--runtime", "polkit.service");
      await must("loginctl", "enable-linger", "tester");
    }
  });

  it("is undone by unstartup, which leaves lingering alone", async () => {
    const before = (await rows(velos)).map(({ pid }) => pid);
    const { code, stdout } = await velos("unstartup");
    expect(code).toBe(0);
    expect(stdout).toContain("lingering stays on");
    expect(readdirSync(config).filter((name) => name.startsWith("velos"))).toEqual(["velos-many@.service.d"]);
    expect((await rows(velos)).map(({ pid }) => pid)).toEqual(before);
  });
});
