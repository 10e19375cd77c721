import type { AppSpec } from "./app.ts";
import { hasReadinessSignal, rolloutBudget, rolloutPauseMs } from "./app.ts";
import type { InstanceStatus, ObservedInstance } from "./instance.ts";
import type { KnownSpecs } from "./known-specs.ts";
import { specOfInstance } from "./known-specs.ts";

/**
 * Replacing the instances of an app. `restart` takes all at once and asks nothing of them; `reload` (same spec),
 * `update` (changed spec) and `revert` (back to the spec before) go a few at a time, gated on readiness.
 */
export type RolloutKind = "restart" | "reload" | "update" | "revert";

/**
 * `running` and `paused` are under way; the others are ends: `done`, `stalled` (stopped at a failure), `reverted`
 * (stopped at a failure, and a `revert` followed), `superseded` (another command took over).
 */
export type RolloutStatus = "running" | "paused" | "done" | "stalled" | "reverted" | "superseded";

/** Who or what asked for it; the label `reason` of the restart counters. */
export type RestartReason = "manual" | "rollout" | "watch" | "cron" | "memory" | "health";

/**
 * A rollout as the store keeps it. How far it has come is not in it: that is read from the instances, so a velosd
 * that died in the middle goes on where the units stand.
 */
export interface Rollout {
  id: string;
  kind: RolloutKind;
  status: RolloutStatus;
  reason: RestartReason;
  /**
   * The runs to be replaced: index to run, empty where there was none. All indexes that are meant belong in it, also one
   * that is not there at the moment: its start may be under way, on the spec of before.
   */
  from: Record<string, string>;
  startedAt: number;
  endedAt?: number;
  failure?: RolloutFailure;
}

export interface RolloutFailure {
  index: number;
  why: string;
}

/** The numbers a rollout goes by, worked out for the app's size. */
export interface RolloutPace {
  maxUnavailable: number;
  surge: number;
  pauseMs: number;
  minReadyMs: number;
  deadlineMs: number;
  /** False: nobody waits for readiness and no crash stops it (`restart`). */
  gated: boolean;
}

/** The pace of a rollout of `wanted` instances. */
export const rolloutPace = (kind: RolloutKind, spec: AppSpec, wanted: number): RolloutPace =>
  kind === "restart"
    ? { maxUnavailable: wanted, surge: 0, pauseMs: 0, minReadyMs: 0, deadlineMs: Infinity, gated: false }
    : {
        ...rolloutBudget(spec, wanted),
        pauseMs: rolloutPauseMs(spec),
        minReadyMs: spec.rollout.minReadyMs,
        deadlineMs: spec.rollout.deadlineMs,
        gated: true,
      };

/** True while a rollout decides what happens to the instances. */
export const isActive = (rollout: Rollout | undefined): rollout is Rollout =>
  rollout !== undefined && (rollout.status === "running" || rollout.status === "paused");

/**
 * When an instance counts as ready, in milliseconds since the epoch: when its health check first passed, where it has
 * one; else at once where the app says so itself, else after `min_uptime`. Undefined while nobody can say.
 */
export const readyAt = (instance: ObservedInstance, spec: AppSpec): number | undefined => {
  if (instance.status !== "online" || instance.onlineAt === undefined) return undefined;
  if (spec.health) return instance.wellAt;
  return instance.onlineAt + (hasReadinessSignal(spec) ? 0 : spec.minUptimeMs);
};

/**
 * The instances that are still to be given a new run on the spec they have: they were to be restarted, and the rollout
 * that would have replaced them is paused, or has stopped at a failure.
 */
export const toRestartAsTheyAre = (
  { rollout, again }: { rollout?: Rollout; again?: Record<string, string> },
  instances: readonly ObservedInstance[],
): ObservedInstance[] =>
  (rollout?.status === "paused" || rollout?.status === "stalled") && again
    ? instances.filter(({ index, run, status }) => run !== "" && run === again[index] && isUp(status))
    : [];

const isUp = (status: InstanceStatus): boolean => status === "online" || status === "starting" || status === "waiting";

/**
 * When an instance counts as ready by what it was started with: an old one is not asked what only the new spec asks,
 * nor the new one what only the old spec did. One whose spec is not known is not asked anything.
 */
export const readyOnItsSpec = (specs: KnownSpecs, instance: ObservedInstance): number | undefined => {
  const { health: _, ...unasked } = specs.spec;
  return readyAt(instance, specOfInstance(specs, instance) ?? unasked);
};

/** True for an instance that the rollout has brought up: on the wanted spec, and another run than at the beginning. */
export const isReplaced = (instance: ObservedInstance, rollout: Rollout, wantedFingerprint: string): boolean =>
  instance.fingerprint === wantedFingerprint && instance.run !== "" && instance.run !== rollout.from[instance.index];
