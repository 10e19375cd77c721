import type { AppSpec } from "./app.ts";
import { fingerprint } from "./app.ts";
import type { ObservedInstance } from "./instance.ts";
import { onSpecs, provenSpec } from "./known-specs.ts";
import type { AppRecord } from "./record.ts";
import type { RestartReason, Rollout, RolloutFailure } from "./rollout.ts";
import { isActive } from "./rollout.ts";

/** What only the caller can give: an id that no other rollout has, and the time. */
export interface RolloutStamp {
  id: string;
  at: number;
}

const runsOf = (instances: readonly ObservedInstance[]): Map<number, ObservedInstance> =>
  new Map(instances.map((instance) => [instance.index, instance]));

const allIndexes = (record: AppRecord): number[] => Array.from({ length: record.instances }, (_, index) => index);

/**
 * The record with a rollout that gives instances a new run on the spec they are to have. A restart or reload of single
 * instances joins a rollout that is under way: those are to be replaced (again) in their turn, or, while it is paused,
 * restarted as they are. What restarts an app by itself does not end a pause either, nor does it take an instance to a
 * spec at which a rollout has stopped.
 */
export const beginRestart = (
  record: AppRecord,
  instances: readonly ObservedInstance[],
  kind: "restart" | "reload",
  reason: RestartReason,
  stamp: RolloutStamp,
  indexes?: readonly number[],
): AppRecord => {
  const runs = runsOf(instances);
  const joins = isActive(record.rollout) && (indexes || (record.rollout.status === "paused" && reason !== "manual"));
  const from = Object.fromEntries((indexes ?? allIndexes(record)).map((index) => [index, runs.get(index)?.run ?? ""]));
  if (joins && isActive(record.rollout)) {
    return {
      ...record,
      rollout: { ...record.rollout, from: { ...record.rollout.from, ...from } },
      again: { ...record.again, ...from },
    };
  }
  // The spec at which a rollout stopped is known to fail: nothing but an operator's wish takes anybody to it.
  if (record.rollout?.status === "stalled" && reason !== "manual" && hasStrayInstance(record, instances))
    return { ...record, again: { ...record.again, ...from } };
  const { again: _, ...rest } = record;
  return { ...rest, rollout: { id: stamp.id, kind, status: "running", reason, from, startedAt: stamp.at } };
};

/**
 * The record on a spec, its own or another one, with a rollout that takes its instances there. Those that run on it already
 * are left alone. The spec to return to is the last one that was proven: one that was itself still being rolled out is not,
 * nor is one at which a rollout has stopped.
 */
export const beginUpdate = (
  record: AppRecord,
  spec: AppSpec,
  instances: readonly ObservedInstance[],
  stamp: RolloutStamp,
): AppRecord => {
  const print = fingerprint(spec);
  const isSame = print === fingerprint(record.spec);
  const proven = provenSpec(record);
  const { again: _, unproven, ...rest } = onSpecs(record, spec, isSame ? record.previous : proven);
  const isProven = isSame ? !unproven : proven !== undefined && print === fingerprint(proven);
  return {
    ...rest,
    ...(!isProven && { unproven: true }),
    rollout: {
      id: stamp.id,
      kind: "update",
      status: "running",
      reason: "rollout",
      from: notOn(print, record, instances),
      startedAt: stamp.at,
    },
  };
};

/** True when an instance that is there was started on another spec than the record's. */
export const hasStrayInstance = (record: AppRecord, instances: readonly ObservedInstance[]): boolean => {
  const print = fingerprint(record.spec);
  return instances.some(({ index, fingerprint: its }) => index < record.instances && its !== print);
};

/** The runs to be replaced: of every wanted index that is not up on the fingerprint. */
const notOn = (print: string, record: AppRecord, instances: readonly ObservedInstance[]): Record<string, string> => {
  const runs = runsOf(instances);
  const from: Record<string, string> = {};
  for (const index of allIndexes(record)) {
    const instance = runs.get(index);
    const up = instance?.status === "online" || instance?.status === "starting";
    if (instance?.fingerprint !== print || !up) from[index] = instance?.run ?? "";
  }
  return from;
};

/** The record after its rollout has done what it was to do: its spec is one to return to. */
export const finishRollout = ({ unproven: _, ...record }: AppRecord, rollout: Rollout, at: number): AppRecord => ({
  ...record,
  rollout: { ...rollout, status: "done", endedAt: at },
});

/**
 * The record after its rollout stopped at a failure: an update goes back to the spec before it, where there is one and
 * the settings say so; any other stays as it is, with what is not replaced yet serving on.
 */
export const stopRollout = (
  record: AppRecord,
  rollout: Rollout,
  failure: RolloutFailure,
  instances: readonly ObservedInstance[],
  at: number,
): AppRecord => {
  const { previous } = record;
  if (rollout.kind === "update" && previous && record.spec.rollout.onFailure === "revert") {
    const { unproven: _, ...back } = onSpecs(record, previous, undefined);
    return {
      ...back,
      rollout: {
        ...rollout,
        kind: "revert",
        status: "running",
        from: notOn(fingerprint(previous), record, instances),
        failure,
      },
    };
  }
  return { ...record, rollout: { ...rollout, status: "stalled", endedAt: at, failure: rollout.failure ?? failure } };
};
