import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { resolvePaths } from "../../../src/config/paths.ts";
import { unitTexts } from "../../../src/startup/unit-texts.ts";
import { useScene } from "./scene.ts";
import { loadedUnits, property } from "./systemctl.ts";
import { velosdProgram, velosProgram } from "./velos.ts";

const exec = promisify(execFile);
const scene = useScene();
const dist = dirname(velosProgram);

/** Writes the units of a scope as velos startup would, with programs that are there. */
const written = (scope: "system" | "user"): string[] =>
  [
    ...unitTexts(join(dist, "units"), {
      paths: resolvePaths(scope, scope === "system" ? {} : process.env),
      node: process.execPath,
      program: velosdProgram,
      environment: {},
    }),
  ].map(([name, text]) => scene.write(`${scope}/${name}`, text));

describe("the units of velosd", () => {
  it.each(["system", "user"] as const)(
    "have nothing that systemd-analyze finds fault with: %s scope",
    async (scope) => {
      const { stdout, stderr } = await exec("systemd-analyze", ["verify", "--man=no", `--${scope}`, ...written(scope)]);
      expect(stdout + stderr).toBe("");
    },
  );

  it("leave the system's velosd an exposure of 5 at most", async () => {
    const service = written("system").find((path) => path.endsWith(".service"))!;
    const { stdout } = await exec("systemd-analyze", ["security", "--no-pager", "--offline=true", service]);
    expect(Number(/Overall exposure level .*: ([\d.]+)/.exec(stdout)?.[1])).toBeLessThanOrEqual(5);
  });
});

describe("velos startup", () => {
  /** Of a process, without its program's path. */
  const commandLine = (pid: number): string =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8")
      .split("\0")
      .slice(1, -1)
      .join(" ")
      .replace(/\S*velosd\.cjs/, "velosd.cjs");
  const memorySettings = (pid: number): string[] =>
    readFileSync(`/proc/${pid}/environ`, "utf8")
      .split("\0")
      .filter((pair) => pair.startsWith("MALLOC_"))
      .sort();

  it("starts velosd as a command does, from wherever it is installed, and unstartup leaves nothing of it", async () => {
    // Lingering is a matter of the machine, not of this private manager.
    scene.env["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nowhere";
    const odd = join(scene.path('100% "odd"'), "$HOME/dist");
    mkdirSync(dirname(odd), { recursive: true });
    cpSync(dist, odd, { recursive: true });
    const program = join(odd, "velos.cjs");
    const velos = async (...args: string[]) => scene.run(args, { program });
    const ping = async () => JSON.parse((await velos("ping", "--json")).stdout) as { pid: number };

    await velos("start", "sleep 1000", "--name", "booted", "-i", "2");
    const before = await scene.pids("booted");
    const byCommand = await ping();
    const [line, memory] = [commandLine(byCommand.pid), memorySettings(byCommand.pid)];

    const started = await velos("startup");
    expect(started.code).toBe(1);
    expect(started.stdout).toMatch(/^lingering could not be turned on/m);
    const byManager = await ping();
    expect(byManager.pid).not.toBe(byCommand.pid);
    expect(await property("velosd.service", "Transient")).toBe("no");
    expect(readFileSync(`/proc/${byManager.pid}/cmdline`, "utf8")).toContain(join(odd, "velosd.cjs"));
    expect(commandLine(byManager.pid).replace(/.*velosd\.cjs/, "")).toBe(line.replace(/.*velosd\.cjs/, ""));
    expect(memorySettings(byManager.pid)).toEqual(memory);
    await velos("kill");
    expect((await ping()).pid).not.toBe(byManager.pid);
    expect(await scene.pids("booted")).toEqual(before);

    expect((await velos("unstartup")).code).toBe(0);
    expect(await property("velosd.service", "Transient")).toBe("yes");
    expect(await scene.pids("booted")).toEqual(before);
    await velos("delete", "all");
    await velos("kill");
    expect((await loadedUnits()).filter((unit) => !unit.endsWith(".slice"))).toEqual([]);
  });

  it("leaves alone a unit of that name that somebody else has written", async () => {
    const path = join(process.env["HOME"]!, ".config/systemd/user/velosd.service");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "[Service]\nExecStart=/bin/true\n");
    try {
      const refused = await scene.velos("startup");
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(
        /^velos: .*velosd\.service is there already, and was not written by velos startup\n {2}\S.*\n$/,
      );
      expect(readFileSync(path, "utf8")).toContain("/bin/true");
    } finally {
      await exec("rm", [path]);
      await exec("systemctl", ["--user", "daemon-reload"]);
    }
  });
});
