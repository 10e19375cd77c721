import { execFile } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { hasProc, isDead, readProcess } from "../backend/spawn/process-table.ts";
import { VelosError } from "../domain/errors.ts";
import type { ConnectOptions } from "./connect.ts";
import { connectDaemon } from "./connect.ts";
import type { Connection } from "./connection.ts";

/** How long velosd may take to end. */
const STOP_TIMEOUT_MS = 10_000;

/**
 * Ends velosd, not the apps; returns its pid, or undefined when it did not run. Units that velos made for it at its
 * first use are removed too, so that the next command starts whatever build is there then; installed ones stay.
 */
export const stopDaemon = async (options: ConnectOptions): Promise<number | undefined> => {
  const scope = options.paths.scope === "user" ? ["--user"] : [];
  const transient =
    (await output("systemctl", [...scope, "show", "--property=Transient", "--value", "velosd.socket"])) === "yes";
  const daemon = await connectIfThere(options);
  // The socket before velosd: a connection that comes meanwhile must not start it again.
  if (transient) await output("systemctl", [...scope, "stop", "velosd.socket", "velosd.path"]);
  if (daemon === undefined) return undefined;
  const pid = await shutDown(daemon);
  daemon.close();
  if (pid === undefined) {
    if (transient) await endUnit(scope);
    return undefined;
  }
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (isAlive(pid)) {
    if (Date.now() > deadline)
      throw new VelosError("DAEMON_UNREACHABLE", {
        why: `velosd (pid ${pid}) does not end`,
        hint: `kill -9 ${pid} does no harm`,
      });
    await delay(5);
  }
  if (transient) await endUnit(scope);
  return pid;
};

/** Its pid; undefined for one that cannot serve and is about to leave by itself. */
const shutDown = async (daemon: Connection): Promise<number | undefined> => {
  try {
    return (await daemon.call("shutdown", {})).pid;
  } catch (error) {
    if (error instanceof VelosError && error.code === "DAEMON_UNREACHABLE") return undefined;
    throw error;
  }
};

/** Also of one that failed: its name must be free for the next. */
const endUnit = async (scope: readonly string[]): Promise<void> => {
  await output("systemctl", [...scope, "stop", "velosd.service"]);
  await output("systemctl", [...scope, "reset-failed", "velosd.service"]);
};

const connectIfThere = async (options: ConnectOptions): Promise<Connection | undefined> => {
  try {
    return await connectDaemon({ ...options, start: false });
  } catch (error) {
    if (error instanceof VelosError && error.code === "DAEMON_UNREACHABLE") return undefined;
    throw error;
  }
};

const isAlive = (pid: number): boolean => {
  if (hasProc) {
    // One that has ended may be kept by the first process of a container that is slow to take note of it, or never does.
    const entry = readProcess(pid);
    return entry !== undefined && !isDead(entry);
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

const output = async (file: string, args: string[]): Promise<string> =>
  new Promise((resolve) => execFile(file, args, (_, stdout) => resolve(stdout.trim())));
