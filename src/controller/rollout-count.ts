import { fingerprint } from "../domain/app.ts";
import type { ObservedInstance } from "../domain/instance.ts";
import type { AppRecord } from "../domain/record.ts";
import { isReplaced, readyAt } from "../domain/rollout.ts";

/** How far a rollout has come. */
export interface RolloutCount {
  /** Instances that run on what they are brought to, and are ready. */
  replaced: number;
  /** Instances that are to be replaced. */
  total: number;
}

/** How far an app's rollout has come; none are to be replaced where there never was one. */
export const countRollout = (
  { rollout, spec, instances }: AppRecord,
  observed: ReadonlyMap<number, ObservedInstance>,
  now: number,
): RolloutCount => {
  const wanted = Object.keys(rollout?.from ?? {})
    .map(Number)
    .filter((index) => index < instances);
  if (!rollout || rollout.status === "done") return { replaced: wanted.length, total: wanted.length };
  const target = fingerprint(spec);
  const isBack = (index: number): boolean => {
    const instance = observed.get(index);
    if (!instance || !isReplaced(instance, rollout, target)) return false;
    if (rollout.kind === "restart") return instance.status === "online";
    const ready = readyAt(instance, spec);
    return ready !== undefined && ready <= now;
  };
  return { replaced: wanted.filter(isBack).length, total: wanted.length };
};
