import type { Histogram } from "./histogram.ts";
import type { InstanceStatus } from "./instance.ts";
import { exitReasons, restartCauses } from "./tally.ts";
import type { RolloutResult } from "./tally.ts";

/** The statuses as `velos_process_status` has them: a status is the place of its name. */
export const statusOrder = [
  "stopped",
  "online",
  "errored",
  "starting",
  "stopping",
  "waiting",
] as const satisfies readonly InstanceStatus[];

/** Figures that only grow: their value is over all runs of an instance, see lifetime.ts. */
export const growingFigures = [
  "cpuUserUsec",
  "cpuSystemUsec",
  "throttledUsec",
  "oomKills",
  "readBytes",
  "writtenBytes",
  "cpuPressureUsec",
  "memoryPressureUsec",
  "ioPressureUsec",
] as const;

/** Figures that are what they are at the moment. */
export const momentaryFigures = [
  "memoryBytes",
  "memoryPeakBytes",
  "memoryLimitBytes",
  "workingSetBytes",
  "tasks",
  "openFds",
] as const;

/**
 * What stands where in the row of an instance. Rows instead of objects, because there are a thousand of them a second
 * where somebody scrapes: a third of the text, and no names to parse.
 *
 * `app` is the place of the app in `apps`; `status` the place in `statusOrder`; `ready` 0 or 1; `startedAt` milliseconds
 * since the epoch. What is not known is null.
 */
export const instanceColumns = [
  "app",
  "index",
  "status",
  "ready",
  "startedAt",
  "cpuPercent",
  "restarts",
  "unit",
  "spec",
  "version",
  ...restartCauses.map((cause) => `restarts.${cause}` as const),
  ...exitReasons.map((reason) => `exits.${reason}` as const),
  ...growingFigures,
  ...momentaryFigures,
] as const;

export type InstanceColumn = (typeof instanceColumns)[number];
export type InstanceRow = (number | string | null)[];

/** Where a column stands. */
export const column = Object.fromEntries(instanceColumns.map((name, at) => [name, at])) as Record<
  InstanceColumn,
  number
>;

export interface AppSnapshot {
  name: string;
  /** What runs its script; empty for a command. */
  interpreter: string;
  /** Instances that are meant to run. */
  desired: number;
  /** Instances that have a process. */
  running: number;
  ready: number;
  /** A gated rollout is under way. */
  rollingOut: boolean;
  rollouts: Partial<Record<RolloutResult, number>>;
  /** Seconds; bounds: `durationBounds`. */
  readyDuration: Histogram;
  drainDuration: Histogram;
  rolloutDuration: Histogram;
}

/** Everything that is measured of apps and instances, at one moment. */
export interface AppsSnapshot {
  /** Milliseconds since the epoch. */
  at: number;
  apps: AppSnapshot[];
  /** Columns: `instanceColumns`. */
  instances: InstanceRow[];
  collection: {
    seconds: number;
    /** Instances with a process whose figures could not be read. */
    failed: number;
  };
}
