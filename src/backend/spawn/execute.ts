import type { ChildProcess, StdioOptions } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { LaunchOrder } from "./order.ts";
import { startTimeOf } from "./process-table.ts";

/** How a process ended, as far as anybody could see. */
export interface ProcessEnd {
  code?: number;
  signal?: string;
  /** Milliseconds since the epoch, where it was not just now. */
  at?: number;
}

/** The main process of a run: our child, the keeper's, or adopted. */
export interface MainProcess {
  readonly pid: number;
  readonly startTime: string;
  /** Settles once, when it is gone; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  /** True while it is certain that the pid is still this process's. */
  isAlive(): boolean;
  /** It is about to end: look closely, where looking is how its end is noticed. */
  hurry?(): void;
  /** No longer watches it; the process stays. */
  detach(): void;
}

/**
 * Starts a process as the leader of a session and process group of its own. stdout and stderr are the log file itself,
 * not a pipe, so that the death of whoever started it loses nothing and blocks nobody.
 *
 * When this returns the program has been executed, or has failed to: Node's spawn waits for exec.
 *
 * @param descriptors are open in the process as 3, 4 … in this order
 * @throws Error as the system says it; no process is left then
 */
export const execute = async (order: LaunchOrder, descriptors: readonly number[] = []): Promise<MainProcess> => {
  const { program, args, cwd, env, logPath, uid, gid } = order;
  let log: number | undefined;
  try {
    mkdirSync(dirname(logPath), { recursive: true, mode: 0o750 });
    log = openSync(logPath, "a", 0o640);
    const stdio: StdioOptions = ["ignore", log, log, ...descriptors];
    const identity = { ...(uid !== undefined && { uid }), ...(gid !== undefined && { gid }) };
    const child = spawn(program, args, { cwd, env, detached: true, stdio, ...identity });
    if (child.pid !== undefined) return watchChild(child, child.pid);
    const [error] = (await once(child, "error")) as [Error];
    throw error;
  } finally {
    if (log !== undefined) closeSync(log);
  }
};

const watchChild = (child: ChildProcess, pid: number): MainProcess => {
  // The child cannot have been waited for yet, so its entry in /proc is there, be it a zombie's.
  const startTime = startTimeOf(pid) ?? "";
  let alive = true;
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once("exit", (code, signal) => {
      alive = false;
      resolve({ ...(code !== null && { code }), ...(signal !== null && { signal }) });
    });
  });
  child.on("error", () => undefined);
  child.unref();
  return { pid, startTime, ended, isAlive: () => alive, detach: () => undefined };
};
