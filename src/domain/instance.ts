/**
 * What an operator sees of an instance: `waiting` is the supervisor's restart delay, `errored` means that velos gave
 * up or the start failed for good.
 */
export type InstanceStatus = "starting" | "online" | "stopping" | "stopped" | "waiting" | "errored";

/** How a run ended: one of code and signal, or neither where nobody could wait for the process. */
export interface Exit {
  /** Milliseconds since the epoch. */
  at: number;
  code?: number;
  signal?: string;
  /** How long the run lasted, in milliseconds, where it is known. */
  ranMs?: number;
  /** The supervisor's word: `exit-code`, `signal`, `timeout`, `oom-kill`, `resources` … */
  result?: string;
}

/** One instance as the backend finds it. An instance that the backend does not know is not observed at all. */
export interface ObservedInstance {
  index: number;
  status: InstanceStatus;
  /** Name of the unit (systemd), label (launchd) or process group (spawn). */
  unit: string;
  /** Fingerprint of the spec it was started with; empty if it cannot be told. */
  fingerprint: string;
  /** Changes with every run, automatic restarts included (systemd: InvocationID). Empty before the first run. */
  run: string;
  /** Automatic restarts since the instance was created or last restarted by hand. */
  restarts: number;
  pid?: number;
  /** Start of the current run, in milliseconds since the epoch. */
  startedAt?: number;
  /** When it became online in this run. */
  onlineAt?: number;
  /** When it was last online before this run, where that is known even of a run whose end nobody saw. */
  leftAt?: number;
  /**
   * When this velosd first saw this run, given until its health check has passed: a run may be older than the velosd,
   * or than its health check, and nobody asked it before. The controller adds it; it is neither stored nor shown.
   */
  seenAt?: number;
  /** When its health check first passed in this run; the controller adds it. */
  wellAt?: number;
  /** What its health check says, once it has failed as often as it may; the controller adds it. */
  unwell?: string;
  /** The last run's end, where one is known. */
  exit?: Exit;
}

/** What systemd says with an exit code of its own, when it could not get as far as the program (systemd.exec(5)). */
const BEFORE_THE_PROGRAM: Readonly<Record<number, string>> = {
  200: "its working directory cannot be entered by its user, or its sandbox hides it",
  203: "the program could not be executed",
  216: "its group is not there",
  217: "its user is not there, or user namespaces are not to be had",
  218: "its capabilities cannot be set",
  226: "the mounts of its sandbox cannot be made, as where a path is missing",
  228: "its filter of system calls cannot be set",
  238: "its state directory cannot be made",
  243: "one of its secrets cannot be read",
};

/** Text of an exit for people: `exit code 1`, `killed by SIGKILL`, `out of memory`. */
export const describeExit = (exit: Exit): string => {
  if (exit.result === "oom-kill") return "out of memory";
  if (exit.result === "timeout") return "timed out";
  if (exit.signal !== undefined) return `killed by ${exit.signal}`;
  const before = exit.result === "exit-code" ? BEFORE_THE_PROGRAM[exit.code ?? 0] : undefined;
  if (before !== undefined) return `exit code ${exit.code} (${before})`;
  if (exit.code !== undefined) return `exit code ${exit.code}`;
  return exit.result ?? "exit code unknown";
};
