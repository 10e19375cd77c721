import type { CrashTrack } from "../domain/crash-track.ts";
import { durationBounds, observe } from "../domain/histogram.ts";
import type { ObservedInstance } from "../domain/instance.ts";
import type { Action } from "../domain/plan.ts";
import type { AppRecord } from "../domain/record.ts";
import type { InstanceTally, RolloutResult } from "../domain/tally.ts";
import { causeOf, newInstanceTally, tallied } from "../domain/tally.ts";
import { isActive } from "../domain/rollout.ts";
import type { AppState } from "./app-state.ts";
import type { Counters } from "./counters.ts";

/** What a look at an instance brought that nobody had seen before. */
export interface News {
  /** Runs that ended without being told to. */
  ends: number;
  /** When its run became ready, in milliseconds since the epoch: told once for each. */
  readyAt?: number;
}

/** Counts by reason what a look added to an instance's track, and once for each run how long it took to get ready. */
export const recordLook = (
  counters: Counters,
  state: AppState,
  instance: ObservedInstance,
  before: CrashTrack,
  after: CrashTrack,
): News => {
  const tally = counters.tally(state.name);
  const { index, run, startedAt } = instance;
  const known = tally.instances[index] ?? newInstanceTally();
  const pending = state.pending.get(index)?.type;
  // The supervisor stops what is left of a run that it lost to the OOM killer: an end that nobody asked for either.
  const isStopped = instance.status === "stopping" && (instance.exit?.result ?? "success") === "success";
  const asked = pending === "stop" || pending === "restart" || isStopped;
  let next = tallied(known, before, after, causeOf(state.record, index), asked);
  const news: News = { ends: next === known ? 0 : exitsOf(next) - exitsOf(known) };
  const readyAt = state.record.spec.health ? instance.wellAt : instance.onlineAt;
  if (readyAt !== undefined && startedAt !== undefined && run !== "" && run !== next.readyRun) {
    next = { ...next, readyRun: run };
    news.readyAt = readyAt;
    observe(tally.ready, durationBounds, (readyAt - startedAt) / 1000);
  }
  if (next === known) return news;
  tally.instances[index] = next;
  counters.touch(state.name);
  return news;
};

const exitsOf = ({ exits }: InstanceTally): number => Object.values(exits).reduce((sum, count) => sum + count, 0);

/**
 * Counts how long a run took to end after it was told to, once a stop or restart has succeeded.
 * @param began when it was told, in milliseconds since the epoch
 */
export const recordDrain = (
  counters: Counters,
  app: string,
  action: Action,
  began: number,
  now: number,
  instance: ObservedInstance | undefined,
): void => {
  // A restart includes the new run's beginning: the old one's end tells when it was over.
  const endedAt = action.type === "stop" ? now : instance?.exit?.at;
  if (endedAt === undefined || endedAt < began) return;
  observe(counters.tally(app).drain, durationBounds, (endedAt - began) / 1000);
  counters.touch(app);
};

/** Counts a gated rollout that a change of the record brought to an end. A `restart` asks nothing and is none. */
export const recordRollout = (counters: Counters, before: AppRecord, after: AppRecord, now: number): void => {
  const { rollout } = before;
  const result = rolloutResult(before, after);
  if (rollout === undefined || result === undefined) return;
  const tally = counters.tally(before.spec.name);
  tally.rollouts[result] = (tally.rollouts[result] ?? 0) + 1;
  observe(tally.rollout, durationBounds, (now - rollout.startedAt) / 1000);
  counters.touch(before.spec.name, true);
};

/** How the rollout of a record ended with the one that follows it; undefined when it goes on, or there was none. */
export const rolloutResult = (before: AppRecord, after: AppRecord): RolloutResult | undefined => {
  const { rollout } = before;
  if (!isActive(rollout) || rollout.kind === "restart") return undefined;
  const next = after.rollout;
  if (next?.id !== rollout.id) return "superseded";
  switch (next.status) {
    case "running":
    case "paused":
      return undefined;
    case "done":
      return next.kind === "revert" ? "reverted" : "done";
    case "stalled":
    case "reverted":
    case "superseded":
      return next.status;
  }
};
