import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../integration/systemd/until.ts";
import { Installation, ping, property } from "./installation.ts";
import { must, rows, run } from "./velos.ts";

const example = "/src/packaging/examples/http.mjs";
const units = ["velos.slice", "velosd.service", "velosd.socket"];
const written = (): string[] => readdirSync("/etc/systemd/system").filter((name) => units.includes(name));

describe("velos startup in the system scope", () => {
  let here: Installation;
  const velos = async (...args: string[]) => here.velos(...args);
  const pids = async (): Promise<(number | undefined)[]> => (await rows(velos)).map(({ pid }) => pid);
  let before: (number | undefined)[];

  beforeAll(async () => {
    here = Installation.temporary();
    await velos("kill");
    // A package leaves its group behind, and the directory belongs to it then.
    await run("groupdel", "velos");
    rmSync("/run/velos", { recursive: true, force: true });
    await velos("start", example, "--name", "api", "-i", "3", "--listen", "3100");
    await velos("start", "sleep", "--name", "worker", "--uid", "tester", "--cwd", "/", "--", "1000");
    before = await pids();
    expect(before).toHaveLength(4);
    // So that what is still being answered at a shutdown gets out before the network goes.
    expect((await property("velos-api@0.service", "After")).split(" ")).toContain("network.target");
    expect((await velos("doctor")).stdout).toMatch(/^-- {2}boot .*`velos startup`/m);
  });
  afterAll(async () => {
    await velos("unstartup");
    await velos("delete", "all");
    await velos("kill");
    here.remove();
  });

  it("says first what it would do", async () => {
    const { code, stdout } = await velos("startup", "--dry-run");
    expect(code).toBe(0);
    expect(stdout).toContain("would write /etc/systemd/system/velosd.service:");
    expect(stdout).toContain(`${here.dist}/velosd.cjs --system`);
    expect(written()).toEqual([]);
  });

  it("takes over from the velosd that a command has started, and touches no instance", async () => {
    const old = await ping(velos);
    const { code, stdout, stderr } = await velos("startup");
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toContain("nothing has to be saved");
    expect(written()).toEqual(units);
    expect(await must("systemctl", "is-enabled", "velosd.socket", "velosd.service")).toBe("enabled\nenabled");
    expect(await property("velosd.service", "FragmentPath")).toBe("/etc/systemd/system/velosd.service");
    expect(await property("velosd.service", "Slice")).toBe("velos.slice");
    expect((await velos("doctor")).stdout).toMatch(/^ok {2}boot /m);
    const now = await ping(velos);
    expect(now.pid).not.toBe(old.pid);
    expect(String(now.pid)).toBe(await property("velosd.service", "MainPID"));
    expect(await pids()).toEqual(before);
  });

  it("changes nothing the second time", async () => {
    const { pid } = await ping(velos);
    const { code, stdout } = await velos("startup", "--json");
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as { units: { change: string }[]; velosd: { pid: number } };
    expect(report.units.map(({ change }) => change)).toEqual(["unchanged", "unchanged", "unchanged"]);
    expect(report.velosd.pid).toBe(pid);
  });

  it("keeps the socket to root, and to the group velos where there is one", async () => {
    const owners = () =>
      ["/run/velos", "/run/velos/velosd.sock"]
        .map((path) => statSync(path))
        .map(({ mode, gid }) => [mode & 0o777, gid]);
    expect(owners()).toEqual([
      [0o750, 0],
      [0o660, 0],
    ]);
    await must("groupadd", "--gid", "990", "velos");
    try {
      await must("systemctl", "restart", "velosd.socket");
      expect(owners()).toEqual([
        [0o750, 990],
        [0o660, 990],
      ]);
      await must("usermod", "--append", "--groups", "velos", "tester");
      const asTester = await here.velosAsTester("--system", "list");
      expect(asTester.stderr).toBe("");
      expect(asTester.stdout).toContain("worker:0");
    } finally {
      await must("gpasswd", "--delete", "tester", "velos");
      await must("groupdel", "velos");
      await must("systemctl", "restart", "velosd.socket");
    }
    expect(await pids()).toEqual(before);
  });

  it("is woken through its socket after velos kill, and is back by itself after kill -9", async () => {
    const first = await ping(velos);
    expect((await velos("kill")).stdout).toContain(`pid ${first.pid}`);
    await until(
      "velosd is gone, and its socket is not",
      async () =>
        (await run("systemctl", "is-active", "velosd.socket", "velosd.service")).stdout === "active\ninactive\n",
    );
    const second = await ping(velos);
    expect(second.pid).not.toBe(first.pid);
    await must("systemctl", "kill", "--signal=KILL", "--kill-whom=main", "velosd.service");
    expect((await ping(velos)).pid).not.toBe(second.pid);
    expect(await pids()).toEqual(before);
  });

  it("has velosd inside a fence that leaves it what it needs", async () => {
    const { stdout } = await run("systemd-analyze", "security", "--no-pager", "velosd.service");
    const [, exposure] = /Overall exposure level for velosd.service: ([\d.]+)/.exec(stdout)!;
    console.log(`    · systemd-analyze security velosd.service: ${exposure}`);
    expect(Number(exposure)).toBeLessThanOrEqual(5);
    const config = `[apps.fenced]
command = ["sh", "-c", "echo said by $VELOS_INSTANCE_ID; exec sleep 1000"]
user = "tester"
cwd = "/tmp"
env_file = "/tmp/fenced.env"
listen = ["/run/fenced.sock"]
[apps.fenced.systemd]
Nice = 5
[apps.fenced.health]
command = ["sh", "-c", "test $(id -un) = tester && test $SECRET = s3cret && touch $(mktemp)"]
interval = "100ms"
`;
    writeFileSync("/tmp/fenced.toml", config);
    writeFileSync("/tmp/fenced.env", "SECRET=s3cret\n");
    const started = await velos("start", "--config", "/tmp/fenced.toml");
    expect(started.stderr).toBe("");
    expect(await property("velos-fenced@0.service", "Nice")).toBe("5");
    await must("journalctl", "--sync");
    expect((await velos("logs", "fenced")).stdout).toContain("said by 0");
    const taken = await velos("start", "sleep", "--name", "late", "--listen", "3100", "--", "1000");
    expect(taken.stderr).toMatch(/3100 is already in use by \w+, an app of velos/);
    expect((await velos("delete", "fenced")).code).toBe(0);
    // It may not write where programs and settings are.
    const pid = await property("velosd.service", "MainPID");
    const write = await run("nsenter", "--mount", `--target=${pid}`, "touch", "/usr/bin/velos-was-here");
    expect(write.stderr).toContain("Read-only file system");
  });

  it("finds every instance again after an upgrade: velos kill && velos ping", async () => {
    here.upgradeTo("0.9.1");
    expect((await ping(velos)).version).not.toBe("0.9.1");
    expect((await velos("doctor")).stdout + (await velos("doctor")).stderr).toContain("velos kill");
    expect((await velos("kill")).code).toBe(0);
    expect((await ping(velos)).version).toBe("0.9.1");
    expect(await pids()).toEqual(before);
  });

  it("moves the units to another installation", async () => {
    const other = Installation.temporary();
    other.upgradeTo("0.9.2");
    try {
      const { code, stdout } = await other.velos("startup");
      expect(code).toBe(0);
      expect(stdout).toContain("wrote /etc/systemd/system/velosd.service");
      expect((await ping(other.velos)).version).toBe("0.9.2");
      expect(await pids()).toEqual(before);
      expect((await velos("startup")).code).toBe(0);
      expect((await ping(velos)).version).toBe("0.9.1");
    } finally {
      other.remove();
    }
    expect(await pids()).toEqual(before);
  });

  it("that has lost its program is told of by the next command, and repaired by the next startup", async () => {
    const gone = Installation.temporary();
    expect((await gone.velos("startup")).code).toBe(0);
    await gone.velos("kill");
    gone.remove();
    const lost = await velos("list");
    expect(lost.code).toBe(4);
    expect(lost.stderr).toMatch(
      /^velos: cannot reach velosd: it does not come up \((exit code 1|tried again \d+ times)\)\n {2}see `journalctl -u velosd/,
    );
    expect(lost.stderr).toContain("`velos startup` again");
    expect((await velos("startup")).code).toBe(0);
    expect(await pids()).toEqual(before);
  });

  it("refuses what it cannot do, in one line", async () => {
    const asTester = await here.velosAsTester("startup", "--system");
    expect(asTester.code).toBe(1);
    expect(asTester.stderr).toBe(
      "velos: units of the system scope are root's to install\n  sudo velos startup; `velos startup --user` is for your own apps\n",
    );
    const spawned = await velos("startup", "--backend", "spawn");
    expect(spawned.code).toBe(1);
    expect(spawned.stderr).toContain("nothing can start velosd at boot: the backend is not systemd");
    const path = "/etc/systemd/system/velosd.service";
    const ours = readFileSync(path, "utf8");
    writeFileSync(path, "[Service]\nExecStart=/bin/true\n");
    try {
      const foreign = await velos("startup");
      expect(foreign.code).toBe(1);
      expect(foreign.stderr).toContain(`${path} is there already, and was not written by velos startup`);
      expect(readFileSync(path, "utf8")).toContain("/bin/true");
    } finally {
      writeFileSync(path, ours);
    }
  });

  it("is undone by unstartup: nothing is left of it, and what runs goes on", async () => {
    const { code, stdout } = await velos("unstartup");
    expect(code).toBe(0);
    expect(stdout).toContain("removed /etc/systemd/system/velosd.service");
    expect(written()).toEqual([]);
    expect(existsSync("/etc/systemd/system/multi-user.target.wants/velosd.service")).toBe(false);
    expect(existsSync("/etc/systemd/system/sockets.target.wants/velosd.socket")).toBe(false);
    // Health checks and schedules need a velosd: one that a command has started.
    await expect.poll(() => property("velosd.service", "ActiveState")).toBe("active");
    expect(await property("velosd.service", "Transient")).toBe("yes");
    expect(await pids()).toEqual(before);
    expect((await velos("unstartup")).stdout).toBe("velosd is not started at boot: there is nothing to undo\n");
  });

  it("enables the units of a package as they are", async () => {
    const packaged = new Installation("/usr/lib/velos");
    const installed = units.map((name) => `/usr/lib/systemd/system/${name}`);
    try {
      await must("ln", "-s", process.execPath, "/usr/bin/node");
      for (const name of units) await must("cp", `/src/units/${name}`, "/usr/lib/systemd/system/");
      // An older installation by npm is in the way.
      expect((await velos("startup")).code).toBe(0);
      const { code, stdout } = await packaged.velos("startup");
      expect(code).toBe(0);
      expect(stdout).toMatch(/^comes from a package: (\/usr)?\/lib\/systemd\/system\/velosd.service$/m);
      expect(stdout).toContain("removed /etc/systemd/system/velosd.service");
      expect(written()).toEqual([]);
      expect(await property("velosd.service", "FragmentPath")).toMatch(
        /^(\/usr)?\/lib\/systemd\/system\/velosd.service$/,
      );
      expect(await must("systemctl", "is-enabled", "velosd.service")).toBe("enabled");
      expect(await pids()).toEqual(before);
      expect((await packaged.velos("unstartup")).stdout).toContain("disabled velosd.socket and velosd.service");
      expect((await run("systemctl", "is-enabled", "velosd.service")).stdout).toBe("disabled\n");
      expect(installed.every((path) => existsSync(path))).toBe(true);
      expect(await pids()).toEqual(before);
    } finally {
      await must("systemctl", "stop", "velosd.socket", "velosd.service");
      for (const path of [...installed, "/usr/bin/node"]) rmSync(path, { force: true });
      packaged.remove();
      await must("systemctl", "daemon-reload");
    }
  });
});
