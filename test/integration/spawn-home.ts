import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readAllProcesses } from "../../src/backend/spawn/process-table.ts";
import type { AppView } from "../../src/controller/views.ts";
import { killRecorded } from "./spawn-harness.ts";
import type { Outcome } from "./systemd/velos.ts";
import { runVelos, succeeded } from "./systemd/velos.ts";

/** A VELOS_HOME of its own, with the built CLI and velosd on the spawn backend. */
export class SpawnHome {
  readonly path = mkdtempSync(join(tmpdir(), "velos-home-"));
  readonly env: Record<string, string | undefined> = {
    PATH: process.env["PATH"],
    HOME: this.path,
    VELOS_HOME: this.path,
    VELOS_BACKEND: "spawn",
    NO_COLOR: "1",
  };

  async velos(...args: string[]): Promise<Outcome> {
    return runVelos(args, { cwd: this.path, env: this.env });
  }

  /** Runs a command that must succeed. */
  async must(...args: string[]): Promise<Outcome> {
    return succeeded(await this.velos(...args));
  }

  async app(name: string): Promise<AppView> {
    return (JSON.parse((await this.must("list", "--json", name)).stdout) as { apps: AppView[] }).apps[0]!;
  }

  async pids(name: string): Promise<(number | undefined)[]> {
    return (await this.app(name)).processes.map(({ pid }) => pid);
  }

  async daemonPid(): Promise<number> {
    return (JSON.parse((await this.must("ping", "--json")).stdout) as { pid: number }).pid;
  }

  /** The process that holds the listening sockets; undefined when there is none. */
  keeperPid(): number | undefined {
    const isKeeper = (pid: number): boolean => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`\0keep\0${this.path}/keeper\0`);
      } catch {
        return false;
      }
    };
    return readAllProcesses().find(({ pid, state }) => state !== "Z" && isKeeper(pid))?.pid;
  }

  /** velosd's log. */
  get log(): string {
    return readFileSync(join(this.path, "run", "velosd.log"), "utf8");
  }

  write(name: string, content: string): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  /** Ends everything, whatever the test did. */
  async close(): Promise<void> {
    try {
      await this.velos("delete", "all");
      await this.velos("kill");
    } finally {
      killRecorded(this.path);
      const keeper = this.keeperPid();
      if (keeper !== undefined) process.kill(keeper, "SIGKILL");
      rmSync(this.path, { recursive: true, force: true });
    }
  }
}
