import type { AppRecord } from "./record.ts";
import { isActive } from "./rollout.ts";

/**
 * The record with its app, or some of its instances, meant to run again. What was created counts only while it is
 * alive: an instance that is absent now is to be started, not taken for one that an operator stopped.
 */
export const resumed = (record: AppRecord, alive: ReadonlySet<number>, indexes?: readonly number[]): AppRecord => {
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
    running: true,
    deleting: false,
    holds: { ...holds, ...others },
    created: { ...record.created, indexes: record.created.indexes.filter((index) => alive.has(index)) },
  };
};

/** The record with its app, or some of its instances, meant to be down. */
export const stopped = (record: AppRecord, indexes: readonly number[] | undefined, now: number): AppRecord => {
  const rollout = isActive(record.rollout)
    ? { rollout: { ...record.rollout, status: "superseded" as const, endedAt: now } }
    : {};
  if (indexes === undefined) return { ...record, running: false, holds: {}, ...rollout };
  const holds = { ...record.holds };
  for (const index of indexes) holds[index] = { why: "command", at: now };
  return { ...record, holds };
};
