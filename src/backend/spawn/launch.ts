import type { ChildProcess, SpawnOptions } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, closeSync, constants, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { AppSpec } from "../../domain/app.ts";
import { findAccount, setprivPath } from "./account.ts";
import { failed } from "./failed.ts";
import { startTimeOf } from "./process-table.ts";

/** How a process ended, as far as anybody could see. */
export interface ProcessEnd {
  code?: number;
  signal?: string;
}

/** The main process of a run, our child or adopted. */
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
 * Starts the process of a run as the leader of a session and process group of its own. stdout and stderr are the log
 * file itself, not a pipe of velosd's, so that velosd's death loses nothing and blocks nobody.
 *
 * Resolves when the program has been executed, without giving way to anything else: Node's spawn waits for exec.
 *
 * @param env the whole environment
 * @throws VelosError BACKEND_FAILED when it cannot be executed; no process is left then
 */
export const launch = async (spec: AppSpec, env: Record<string, string>, logPath: string): Promise<MainProcess> => {
  const account = findAccount(spec.user, spec.group);
  const setpriv = account?.hasMoreGroups ? setprivPath() : undefined;
  let [program, args] = [spec.program, spec.args];
  const options: SpawnOptions = { cwd: spec.cwd, env, detached: true };
  if (account !== undefined && setpriv !== undefined) {
    // setpriv would be executed well and then fail by itself: look first.
    const problem = explain(spec);
    if (problem !== undefined) throw failed(problem);
    args = [`--reuid=${account.uid}`, `--regid=${account.gid}`, "--init-groups", "--", program, ...args];
    program = setpriv;
  } else if (account !== undefined) {
    Object.assign(options, { uid: account.uid, gid: account.gid });
  }
  let log: number | undefined;
  try {
    mkdirSync(dirname(logPath), { recursive: true, mode: 0o750 });
    log = openSync(logPath, "a", 0o640);
    // Inherited listening sockets will follow as descriptors 3 and up.
    const child = spawn(program, args, { ...options, stdio: ["ignore", log, log] });
    if (child.pid !== undefined) return watchChild(child, child.pid);
    const [error] = (await once(child, "error")) as [Error];
    throw error;
  } catch (error) {
    throw failed(
      explain(spec) ?? (error as Error).message,
      "see that its program and cwd exist and may be used",
      error,
    );
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

/** Why a program cannot be executed, in words; undefined when nothing is wrong to be seen. */
const explain = (spec: AppSpec): string | undefined => {
  const cwd = problemOf(spec.cwd, constants.X_OK);
  if (cwd !== undefined) return `the working directory ${spec.cwd} ${cwd}`;
  if (!statSync(spec.cwd).isDirectory()) return `the working directory ${spec.cwd} is not a directory`;
  const program = problemOf(spec.program, constants.X_OK);
  if (program !== undefined) return `the program ${spec.program} ${program}`;
  return statSync(spec.program).isDirectory() ? `the program ${spec.program} is a directory` : undefined;
};

const problemOf = (path: string, mode: number): string | undefined => {
  try {
    accessSync(path, constants.F_OK);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : "cannot be reached";
  }
  try {
    accessSync(path, mode);
    return undefined;
  } catch {
    return "may not be used: permission denied";
  }
};
