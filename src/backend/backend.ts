import type { Scope } from "../config/paths.ts";
import type { AppSpec } from "../domain/app.ts";
import type { Histogram } from "../domain/histogram.ts";
import type { Exit, ObservedInstance } from "../domain/instance.ts";
import type { LogLevel } from "../domain/log-level.ts";
import type { RunVariables } from "../domain/run-variables.ts";

export { logLevels, type LogLevel } from "../domain/log-level.ts";

export type BackendName = "systemd" | "launchd" | "spawn" | "memory";

export type { Scope };

/** What an instance uses, at the moment of asking. */
export interface Usage {
  /** CPU time used so far by the instance and its children, in microseconds. */
  cpuUsec?: number;
  memoryBytes?: number;
  tasks?: number;
}

/** Everything that is measured of a run, at the moment of asking. What cannot be had here is absent. */
export interface Figures {
  /** CPU time of the instance and its children so far. */
  cpuUserUsec?: number;
  cpuSystemUsec?: number;
  /** Time that a CPU quota made it wait. */
  throttledUsec?: number;
  memoryBytes?: number;
  memoryPeakBytes?: number;
  /** Absent where there is none. */
  memoryLimitBytes?: number;
  /** Memory without the file pages that the kernel can drop at once. */
  workingSetBytes?: number;
  oomKills?: number;
  tasks?: number;
  /** Descriptors that its main process has open. */
  openFds?: number;
  readBytes?: number;
  writtenBytes?: number;
  /** Time in which at least one of its tasks waited for the resource. */
  cpuPressureUsec?: number;
  memoryPressureUsec?: number;
  ioPressureUsec?: number;
}

/** What a backend counts of its talk with the supervisor, where there is any. */
export interface SupervisorCounters {
  calls: number;
  errors: number;
  /** Bounds: `latencyBounds`. */
  latency: Histogram;
  reconnects: number;
  /** Jobs of the supervisor that are waited for. */
  jobsPending: number;
}

/** Which log lines are asked for. */
export interface LogQuery {
  app: string;
  /** One instance; absent: all of them. */
  index?: number;
  /** The last N lines that match; absent with `follow`: none of the past. */
  lines: number;
  follow: boolean;
  /** Milliseconds since the epoch. */
  since?: number;
  until?: number;
  /** At least this severe. */
  level?: LogLevel;
  /** Matched against the message: a regular expression of JavaScript as text, or anything that tests. */
  grep?: string | { test(message: string): boolean };
  /**
   * Instead of the last N lines: the first N after these. Does not go with `follow`.
   * @throws VelosError CURSOR_INVALID for a place that is not one of this backend's
   */
  after?: LogPosition;
  /** How long may be looked for lines of the past; then it gives what it has found, and calls `gaveUp`. */
  patienceMs?: number;
  gaveUp?: () => void;
}

/** How far a log was read: the places of the last line of each source, and the time of the latest of them. */
export interface LogPosition {
  /** Microseconds since the epoch. */
  at: number;
  places: readonly string[];
}

/** An instance that has had other runs since somebody looked. */
export interface MissedInstance {
  app: string;
  /** As it is now. */
  instance: ObservedInstance;
  /** Its run when somebody looked last, and how many restarts the supervisor had counted then. */
  knownRun: string;
  knownRestarts: number;
  /** That run had ended by then, and was seen to. */
  knownEnded: boolean;
}

/** One line of an instance's output. */
export interface LogLine {
  /** Microseconds since the epoch. */
  at: number;
  app: string;
  /** -1 when it cannot be told any more. */
  index: number;
  stream: "stdout" | "stderr" | "unknown";
  level: LogLevel;
  message: string;
  /**
   * Where it stands: different for each line of an app, and the same whenever it is read. One that begins with the
   * instance's number and @ is a place in the log of that instance alone.
   */
  place?: string;
}

/** What a backend can and cannot do here; `velos doctor` prints it. */
export interface Facility {
  name: string;
  ok: boolean;
  /** What is there, or what velos does without. */
  note: string;
}

/**
 * What runs instances. Every backend keeps the same promises; test/backend/contract.ts holds them to it.
 *
 * - Instances outlive velosd: `close()` and `kill -9` leave them running, a later `open()` finds them again with the
 *   pid, run and fingerprint they have.
 * - Names are the concurrency control: `start` of an instance that is there is refused, never doubled.
 * - The sockets of `spec.listen` are open from `prepare` to `release`, whatever instances and velosds come and go. Each
 *   instance finds them as descriptors 3, 4 … in the order of the spec, not blocking, as sd_listen_fds(3) says.
 * - A change is announced by the app's name alone; what happened is found with `observe`.
 * - An instance that ends by itself is restarted by the backend as its spec says (`autorestart`, `restartDelayMs`,
 *   backoff, `stopExitCodes`); giving up after `maxRestarts` is the controller's.
 */
export interface Backend {
  readonly name: BackendName;
  /** Identity of the supervisor's life: what was created in another epoch is gone (reboot, new user manager). */
  readonly epoch: string;

  /** Finds what runs and begins to watch. `onChange` is called with an app's name whenever it may have changed. */
  open(onChange: (app: string) => void): Promise<void>;
  /** Stops watching. Instances stay. */
  close(): Promise<void>;

  /** Apps of which anything is there. */
  apps(): string[];
  /** The instances that are there, ascending. No I/O: from what is known by watching. */
  observe(app: string): ObservedInstance[];
  /**
   * How the last run ended of an instance that is not there any more, where that was seen. Absent: what ended by itself
   * is observed until it is cleared.
   */
  lastExit?(app: string, index: number): Exit | undefined;

  /**
   * What instances were at each end of a run that nobody saw, oldest first, as if somebody had looked just after it.
   * Absent, or without an entry: it cannot be told.
   */
  pastLooks?(missed: readonly MissedInstance[]): Promise<ReadonlyMap<MissedInstance, ObservedInstance[]>>;

  /**
   * Makes what all instances of the app share (slice, socket, settings), before the first is started. Repeatable.
   * @throws VelosError PORT_IN_USE when an address cannot be had; then nothing is left of what it made
   */
  prepare(spec: AppSpec): Promise<void>;
  /**
   * Starts an absent instance; resolves when it is online (and ready, where it has a readiness signal).
   * @param count how many instances the app has
   * @param variables besides those of the spec; they win
   * @throws VelosError BACKEND_FAILED when it did not come up
   */
  start(spec: AppSpec, index: number, count: number, variables?: RunVariables): Promise<void>;
  /** Ends an instance gracefully, by force after its kill timeout; resolves when it is gone. Absent: does nothing. */
  stop(app: string, index: number): Promise<void>;
  /**
   * Gives a running instance a new run on the spec it was started with; resolves as `start` does. Without `variables` it
   * keeps the lasting ones it has.
   */
  restart(app: string, index: number, variables?: RunVariables): Promise<void>;
  /** Forgets an instance that is dead, so that its name is free. */
  clear(app: string, index: number): Promise<void>;
  /**
   * Applies the limits of the spec to what runs, without a restart.
   * @param before the spec whose limits were applied so far: those that the new one has not are lifted
   */
  adjust(spec: AppSpec, before?: AppSpec): Promise<void>;
  /** Removes what `prepare` made, once no instance is left. Repeatable. */
  release(app: string): Promise<void>;
  /**
   * Restarts the app on a schedule, or no longer. Absent: the backend keeps no schedules, and the controller does.
   * @param cron five fields, or undefined
   */
  schedule?(app: string, cron: string | undefined): Promise<void>;
  /** Path of the socket at which the preload lets velosd ask an instance for its health. */
  healthSocket(app: string, index: number): string;
  /** Sends a signal to the instance's main process. */
  signal(app: string, index: number, signal: string): Promise<void>;

  usage(app: string, index: number): Promise<Usage>;
  /**
   * How much of the machine an instance can reach, from 0 (nothing) to 10 (everything). Absent, or undefined: nobody
   * counts it here.
   */
  exposure?(app: string, index: number): Promise<number | undefined>;
  /**
   * Everything that is measured of instances, for the metrics, in the order asked for; undefined for one without a
   * process. Asks the kernel only, never the supervisor; with many instances it gives way to other work in between.
   * Absent: `usage` has to do.
   */
  figures?(wanted: readonly { app: string; index: number }[]): Promise<(Figures | undefined)[]>;
  /** Absent where there is no supervisor to talk to. */
  supervisorCounters?(): SupervisorCounters;
  /** The environment the instance was started with. */
  environment(app: string, index: number): Promise<Record<string, string>>;
  /** Oldest first; with `follow` it goes on until the signal aborts. */
  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine>;
  /** Removes the app's logs, where the backend owns them (spawn). */
  dropLogs(app: string): Promise<void>;

  facilities(): Promise<Facility[]>;

  /**
   * Has the supervisor start velosd when an instance ends while it is away. Resolves to false where it cannot: then
   * velosd has to stay. Absent: the instances need velosd.
   */
  watchEnds?(): Promise<boolean>;
  /**
   * The last thing before velosd leaves: tells the supervisor so, and takes in what it has said until then. Whatever
   * happens from here on starts velosd again; it cannot stay any more.
   */
  sayGoodbye?(): Promise<void>;
  /** Has the supervisor start velosd once this one has ended. */
  startAgain?(): Promise<void>;
}
