import type { CrashTrack } from "./crash-track.ts";
import type { Histogram } from "./histogram.ts";
import { durationBounds, newHistogram } from "./histogram.ts";
import type { Exit } from "./instance.ts";
import type { AppRecord } from "./record.ts";
import type { RestartReason } from "./rollout.ts";
import { isActive } from "./rollout.ts";

/** Why an instance got another run: it ended by itself, or for one of the reasons that velos has. */
export const restartCauses = ["crash", "manual", "rollout", "watch", "cron", "memory", "health"] as const;
export type RestartCause = (typeof restartCauses)[number];

/** How a run ended that nobody asked to end. */
export const exitReasons = ["success", "error", "signal", "oom", "timeout"] as const;
export type ExitReason = (typeof exitReasons)[number];

/** How a gated rollout ended. */
export const rolloutResults = ["done", "stalled", "reverted", "superseded"] as const;
export type RolloutResult = (typeof rolloutResults)[number];

/** What is counted of one instance beyond its restarts; kept across velosd's death with them. Never goes down. */
export interface InstanceTally {
  restarts: Partial<Record<RestartCause, number>>;
  exits: Partial<Record<ExitReason, number>>;
  /** The run whose time to ready was counted: once is enough. */
  readyRun?: string;
  /** Where in a trace that run was started, as a W3C trace context: what becomes of the run is linked to it. */
  startedBy?: { run: string; traceparent: string };
  /** What was measured of it, once somebody asked. */
  lifetime?: Lifetime;
}

/** What an instance used over its runs, in the order of `growingFigures`; null or absent: never measured. */
export interface Lifetime {
  run: string;
  /** By the runs before this one, as far as it was seen. */
  before: (number | null)[];
  /** By this run, at the last look. */
  last: (number | null)[];
  /** How many runs had ended for want of memory when this one began. */
  oomExits: number;
}

/** What is counted of an app. Plain data: it is stored as it is. */
export interface AppTally {
  instances: Record<string, InstanceTally>;
  /** Start of a run to ready, in seconds. */
  ready: Histogram;
  /** Being told to end to having ended, in seconds. */
  drain: Histogram;
  /** Gated rollouts that came to an end, in seconds. */
  rollout: Histogram;
  rollouts: Partial<Record<RolloutResult, number>>;
}

export const newInstanceTally = (): InstanceTally => ({ restarts: {}, exits: {} });

export const newAppTally = (): AppTally => ({
  instances: {},
  ready: newHistogram(durationBounds),
  drain: newHistogram(durationBounds),
  rollout: newHistogram(durationBounds),
  rollouts: {},
});

export const exitReason = (exit: Exit): ExitReason => {
  if (exit.result === "oom-kill") return "oom";
  if (exit.result === "timeout" || exit.result === "watchdog") return "timeout";
  if (exit.signal !== undefined) return "signal";
  return (exit.code ?? 0) === 0 && (exit.result === undefined || exit.result === "success") ? "success" : "error";
};

/** For what velos gives an instance another run at the moment; `manual` also where it was an operator. */
export const causeOf = (record: AppRecord, index: number): Exclude<RestartCause, "crash"> => {
  const { rollout } = record;
  if (!isActive(rollout) || rollout.from[index] === undefined) return "manual";
  const reason: RestartReason = rollout.reason;
  return rollout.kind !== "restart" && reason === "manual" ? "rollout" : reason;
};

/**
 * The tally after another look: what the look added to the track (see `trackRun`), by reason. A changed run was made by
 * the supervisor when its counter grew; else the first new run was asked for, and further ones followed it by crashes.
 * Ends of runs that no look saw are taken for ends like the last that was seen, and for errors where none was: a busy
 * manager can have begun the next run before it tells of the end, and forgets the end with that.
 *
 * @param asked the run is being ended by velos at the moment: its end is no exit by itself. Nor is that of a run that
 *   was replaced by hand.
 */
export const tallied = (
  tally: InstanceTally,
  before: CrashTrack,
  after: CrashTrack,
  cause: Exclude<RestartCause, "crash">,
  asked: boolean,
): InstanceTally => {
  const restarts = after.total - before.total;
  const replaced = restarts > 0 && after.restarts <= before.restarts;
  const isNew = after.countedExitAt !== before.countedExitAt;
  const ended = before.run === "" ? 0 : after.ended - before.ended;
  const ends = asked || replaced ? 0 : Math.max(Number(isNew), ended);
  if (restarts === 0 && ends === 0) return tally;
  const next: InstanceTally = { ...tally, restarts: { ...tally.restarts }, exits: { ...tally.exits } };
  const crashes = replaced ? restarts - 1 : restarts;
  if (crashes > 0) next.restarts.crash = (next.restarts.crash ?? 0) + crashes;
  if (restarts > crashes) next.restarts[cause] = (next.restarts[cause] ?? 0) + restarts - crashes;
  if (ends > 0) {
    const reason = after.exit ? exitReason(after.exit) : "error";
    next.exits[reason] = (next.exits[reason] ?? 0) + ends;
  }
  return next;
};
