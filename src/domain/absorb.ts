import type { ObservedInstance } from "./instance.ts";
import { specOfInstance } from "./known-specs.ts";
import type { AppRecord, Hold } from "./record.ts";
import { isWanted } from "./record.ts";
import type { Pending } from "./plan.ts";
import { isActive } from "./rollout.ts";
import type { CrashTrack } from "./crash-track.ts";
import { hasGivenUp } from "./crash-track.ts";

/**
 * What the observation says about the desired state: velos never fights the operator, so what somebody stopped behind
 * its back becomes desired, and so does giving up. Returns the changed record, or the same one when nothing changed.
 * Pure; the caller stores the result.
 *
 * - A wanted instance that was up in this life of the supervisor and is gone was stopped by an operator, or ended by
 *   itself and is not to be restarted.
 * - One that is dead but known failed.
 * - One that crashed `max_restarts` times in a row is given up.
 * - A held one that came up again after it was held (`systemctl start`) is held no longer.
 * - An overtaken spec that no instance is on is forgotten.
 *
 * While a rollout replaces an instance, its absence means nothing.
 */
export const absorb = (
  record: AppRecord,
  instances: readonly ObservedInstance[],
  pending: Pending,
  tracks: ReadonlyMap<number, CrashTrack>,
  epoch: string,
  now: number,
): AppRecord => {
  const byIndex = new Map(instances.map((instance) => [instance.index, instance]));
  const holds: Record<string, Hold> = { ...record.holds };
  const current: AppRecord = { ...record, holds };
  const created = new Set(record.created.epoch === epoch ? record.created.indexes : []);
  const rollout = isActive(record.rollout) ? record.rollout : undefined;

  for (const index of [...created]) {
    // Velos's own stop: by the time it is over the instance may be wanted again, and nobody else stopped it.
    if (pending.get(index) === "stop" || !isWanted(record, index)) created.delete(index);
    else if (!byIndex.has(index) && !pending.has(index) && rollout?.from[index] === undefined) {
      const last = tracks.get(index)?.exit;
      const byItself =
        !record.spec.autorestart || (last?.code !== undefined && record.spec.stopExitCodes.includes(last.code));
      holds[index] = { why: byItself ? "exited" : "operator", at: now, ...(last && { exit: last }) };
      created.delete(index);
    }
  }

  for (const instance of instances) {
    const { index, status } = instance;
    const hold = holds[index];
    if (
      hold &&
      hold.why !== "command" &&
      hold.why !== "gave-up" &&
      status === "online" &&
      (instance.startedAt ?? 0) > hold.at
    ) {
      delete holds[index];
    }
    if (pending.has(index)) continue;
    if (status === "online" && isWanted(current, index)) created.add(index);
    // plan() judges the instances of a gated rollout; a plain restart stops at nothing, so giving up is done here.
    const isJudged = rollout?.kind !== "restart" && rollout?.from[index] !== undefined;
    if (!isWanted(current, index) || isJudged) continue;
    if (status === "errored" && created.has(index)) {
      holds[index] = { why: "failed", at: now, ...(instance.exit && { exit: instance.exit }) };
    } else if (hasGivenUp(tracks.get(index), instance, record.spec, now)) {
      holds[index] = { why: "gave-up", at: now, ...(instance.exit && { exit: instance.exit }) };
    }
  }

  const indexes = [...created].sort((a, b) => a - b);
  const next = withoutUnused(record, instances, pending);
  if (sameHolds(holds, record.holds) && epoch === record.created.epoch && sameNumbers(indexes, record.created.indexes))
    return next;
  return { ...next, holds, created: { epoch, indexes } };
};

/** The record without the overtaken specs that no instance is on; one that is being started and not seen yet may be on any. */
const withoutUnused = (record: AppRecord, instances: readonly ObservedInstance[], pending: Pending): AppRecord => {
  const { overtaken: known, ...rest } = record;
  if (known === undefined) return record;
  const seen = new Set(instances.map(({ index }) => index));
  if ([...pending.keys()].some((index) => !seen.has(index))) return record;
  const used = new Set(instances.map((instance) => specOfInstance(record, instance)));
  const overtaken = known.filter((spec) => used.has(spec));
  if (overtaken.length === known.length) return record;
  return overtaken.length === 0 ? rest : { ...rest, overtaken };
};

const sameHolds = (a: Record<string, Hold>, b: Record<string, Hold>): boolean => {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
};

const sameNumbers = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((value, position) => value === b[position]);
