import type { ObservedInstance } from "../domain/instance.ts";
import { specOfInstance } from "../domain/known-specs.ts";
import type { AppRecord } from "../domain/record.ts";
import { isActive } from "../domain/rollout.ts";

/**
 * What an app needs a velosd for that is there, in a few words; undefined when the supervisor alone does all that is
 * wanted of it now.
 */
export const whyNeeded = (
  record: AppRecord,
  isSettled: boolean,
  instances: readonly ObservedInstance[],
): string | undefined => {
  const { spec, running, rollout } = record;
  if (!isSettled || instances.some(({ status }) => status === "waiting")) return `${spec.name} is on its way`;
  if (isActive(rollout)) return `a rollout of ${spec.name} is under way`;
  if (!running) return undefined;
  if (spec.watch.length > 0) return `the files of ${spec.name} are watched`;
  // Also that of instances which a rollout that was stopped has left as they were.
  if (spec.health ?? instances.some((one) => specOfInstance(record, one)?.health))
    return `${spec.name} has a health check`;
  if (spec.maxMemoryRestartBytes !== undefined) return `${spec.name} has max_memory_restart`;
  return undefined;
};
