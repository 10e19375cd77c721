import type { AppRecord } from "./record.ts";
import { isActive } from "./rollout.ts";

/**
 * The record with its app, or some of its instances, meant to run again. Of a stopped app whoever starts it stands by its
 * spec, whatever became of the rollout to it. What was created counts only while it is
 * alive: an instance that is absent now is to be started, not taken for one that an operator stopped.
 */
export const resumed = (
  { moving: _, unproven, ...record }: AppRecord,
  alive: ReadonlySet<number>,
  indexes?: readonly number[],
): AppRecord => {
  const whole = indexes === undefined;
  const holds = whole
    ? {}
    : Object.fromEntries(Object.entries(record.holds).filter(([index]) => !indexes.includes(Number(index))));
  // Starting one instance of a stopped app leaves the others stopped.
  const others: AppRecord["holds"] = {};
  if (!whole && !record.running) {
    for (let index = 0; index < record.instances; index++) {
      if (!indexes.includes(index)) others[index] = record.holds[index] ?? { why: "command", at: record.updatedAt };
    }
  }
  return {
    ...record,
    ...(record.running && unproven && { unproven }),
    running: true,
    deleting: false,
    holds: { ...holds, ...others },
    created: { ...record.created, indexes: record.created.indexes.filter((index) => alive.has(index)) },
  };
};

/** The record with its app, or some of its instances, meant to be down. */
export const stopped = (
  { moving: _, ...record }: AppRecord,
  indexes: readonly number[] | undefined,
  now: number,
): AppRecord => {
  const rollout = isActive(record.rollout)
    ? { rollout: { ...record.rollout, status: "superseded" as const, endedAt: now } }
    : {};
  if (indexes === undefined) return { ...record, running: false, holds: {}, ...rollout };
  const holds = { ...record.holds };
  for (const index of indexes) holds[index] = { why: "command", at: now };
  return { ...record, holds };
};

/**
 * Which of these instances, or of all, may be restarted by what nobody has asked for at this moment (a schedule, a changed
 * file, a failed check, memory): those that no one has stopped.
 */
export const restartable = (record: AppRecord, indexes?: readonly number[]): number[] => {
  if (!record.running || record.deleting) return [];
  return (indexes ?? Array.from({ length: record.instances }, (_, index) => index)).filter((index) => {
    const why = record.holds[index]?.why;
    return index < record.instances && why !== "command" && why !== "operator";
  });
};

/** The record of an app as a new velosd takes it over: one that was down only to move comes up again. */
export const takenOver = ({ moving, ...record }: AppRecord): AppRecord =>
  moving && !record.deleting ? { ...record, running: true, created: { ...record.created, indexes: [] } } : record;
