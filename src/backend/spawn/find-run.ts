import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { hasEnvironment, hasProc, readAllProcesses } from "./process-table.ts";

/** Name of the variable that carries the run's name into every process of an instance. */
export const RUN_VARIABLE = "VELOS_RUN";

/** How long a process may take from fork to exec, on a machine that has other things to do. */
const EXEC_MS = 3000;

/**
 * The main process of a run of which only the name is known: velosd died after it had announced the run and before it
 * could write the pid down. Main processes lead their session, which tells them from their children.
 *
 * velosd may even have died between fork and exec. Then the process still has velosd's own command line and
 * environment, and is waited for until it has executed its program or failed to.
 *
 * @param spawner command line of the velosd that announced the run
 * @param signal ends the waiting
 * @returns undefined: the run has no process, and will have none
 */
export const findRun = async (
  run: string,
  spawner: string,
  signal: AbortSignal,
): Promise<{ pid: number; startTime: string } | undefined> => {
  for (const deadline = performance.now() + EXEC_MS; ; await sleep(10)) {
    // In this order: what is executed between the two is found by the second.
    const isOneAboutToExecute = readAllProcesses().some(({ pid, state }) => state !== "Z" && isCopyOf(pid, spawner));
    const leaders = readAllProcesses().filter(({ pid, session }) => pid === session);
    const found = leaders.find(({ pid }) => hasEnvironment(pid, RUN_VARIABLE, run));
    const isOver = !isOneAboutToExecute || performance.now() > deadline || signal.aborted;
    if (found !== undefined || isOver) return found;
  }
};

/** The command line of this process, for the state of the runs it announces. */
export const ownCommandLine = (): string => (hasProc ? commandLine("self") : "");

/** True for a process, not this one, with that command line: a fork of that velosd (or a namesake, which costs time only). */
const isCopyOf = (pid: number, spawner: string): boolean =>
  pid !== process.pid && spawner !== "" && commandLine(pid) === spawner;

const commandLine = (pid: number | "self"): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
};

/** True when processes of a run whose leader is gone are left in its group. */
export const hasOrphans = (group: number, run: string): boolean =>
  readAllProcesses().some((entry) => entry.group === group && hasEnvironment(entry.pid, RUN_VARIABLE, run));
