import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { Connection } from "../../../src/client/connection.ts";
import type { Paths } from "../../../src/config/paths.ts";
import { resolvePaths } from "../../../src/config/paths.ts";
import type { AppView, InstanceView } from "../../../src/controller/views.ts";
import { loadedUnits, systemctl } from "./systemctl.ts";
import type { Outcome, RunOptions } from "./velos.ts";
import { runVelos, succeeded } from "./velos.ts";

/** One test's world: an empty directory, and a service manager in which nothing of velos is left from before. */
export class Scene {
  directory = "";
  /** Set VELOS_HOME in it to keep the state somewhere else. */
  env: Record<string, string | undefined> = {};
  #connections: Connection[] = [];

  open(): void {
    this.directory = mkdtempSync(join(tmpdir(), "velos-scene-"));
    this.env = { ...process.env, NO_COLOR: "1" };
  }

  /** Ends everything. Throws when `velos delete all` left a unit behind, after removing it. */
  async close(): Promise<void> {
    for (const connection of this.#connections.splice(0)) connection.close();
    try {
      succeeded(await this.velos("delete", "all"));
      succeeded(await this.velos("kill"));
      const left = (await loadedUnits()).filter((unit) => !unit.endsWith(".slice"));
      if (left.length > 0) throw new Error(`left behind: ${left.join(" ")}`);
    } finally {
      await systemctl("kill", "--signal=SIGKILL", "velosd.service").catch(() => {});
      await systemctl("stop", "velosd.socket", "velosd.service", "velos-*").catch(() => {});
      await systemctl("reset-failed").catch(() => {});
      rmSync(this.paths.state, { recursive: true, force: true });
      rmSync(this.directory, { recursive: true, force: true });
    }
  }

  get paths(): Paths {
    return resolvePaths("user", this.env);
  }

  /** Runs the CLI, however it ends. */
  async velos(...args: string[]): Promise<Outcome> {
    return this.run(args);
  }

  async run(args: readonly string[], options: Partial<RunOptions> = {}): Promise<Outcome> {
    return runVelos(args, { cwd: this.directory, env: this.env, ...options });
  }

  /** Runs a command that must succeed. */
  async must(...args: string[]): Promise<Outcome> {
    return succeeded(await this.run(args));
  }

  /** A connection to the velosd that runs, for what a process per look would be too slow. */
  async connect(): Promise<Connection> {
    const connection = await Connection.open(this.paths.socket);
    this.#connections.push(connection);
    return connection;
  }

  /** `velos list --json` */
  async list(...selectors: string[]): Promise<AppView[]> {
    return (JSON.parse((await this.must("list", "--json", ...selectors)).stdout) as { apps: AppView[] }).apps;
  }

  async instances(app: string): Promise<InstanceView[]> {
    const [view] = await this.list(app);
    return view!.processes;
  }

  async pids(app: string): Promise<(number | undefined)[]> {
    return (await this.instances(app)).map(({ pid }) => pid);
  }

  async daemonPid(): Promise<number> {
    return (JSON.parse((await this.must("ping", "--json")).stdout) as { pid: number }).pid;
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  /** Writes a file of the scene and returns its path. */
  write(name: string, content: string, mode = 0o644): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { mode });
    return path;
  }

  /** An executable shell script. */
  script(name: string, ...lines: string[]): string {
    return this.write(name, `#!/bin/sh\n${lines.join("\n")}\n`, 0o755);
  }

  /** Lines of a file that a program of the test wrote; none while there is no file. */
  lines(name: string): string[] {
    try {
      return readFileSync(this.path(name), "utf8").split("\n").slice(0, -1);
    } catch {
      return [];
    }
  }
}

/** A scene of its own for each test of the file. */
export const useScene = (): Scene => {
  const scene = new Scene();
  beforeEach(() => scene.open());
  afterEach(() => scene.close());
  return scene;
};
