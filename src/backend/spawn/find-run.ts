import { hasEnvironment, readAllProcesses } from "./process-table.ts";

/** Name of the variable that carries the run's name into every process of an instance. */
export const RUN_VARIABLE = "VELOS_RUN";

/**
 * The main process of a run of which only the name is known: velosd died after it had announced the run and before it
 * could write the pid down. Main processes lead their session, which tells them from their children.
 *
 * velosd may even have died between fork and exec, when the process still shows velosd's own environment; but exec
 * follows within microseconds, and the next velosd needs far longer than that to get here.
 */
export const findRun = (run: string): { pid: number; startTime: string } | undefined =>
  readAllProcesses().find((entry) => entry.session === entry.pid && hasEnvironment(entry.pid, RUN_VARIABLE, run));

/** True when processes of a run whose leader is gone are left in its group. */
export const hasOrphans = (group: number, run: string): boolean =>
  readAllProcesses().some((entry) => entry.group === group && hasEnvironment(entry.pid, RUN_VARIABLE, run));
