import type { RolloutProgress } from "../api/live-schema.ts";
import type { Instance } from "./fleet.ts";

/** Where an instance stands in a rollout: not yet its turn, on its way out, on its way in, back, or not coming up. */
export type Phase = "before" | "draining" | "starting" | "ready" | "failed";

/**
 * Where an instance stands in a rollout that is under way or was the last. One whose run began after the rollout has
 * been replaced.
 */
export const phaseOf = (instance: Instance, { rollout }: RolloutProgress): Phase => {
  if (rollout.failure?.index === instance.index && instance.status !== "online") return "failed";
  switch (instance.status) {
    case "stopping":
      return "draining";
    case "starting":
      return "starting";
    case "waiting":
    case "errored":
      return "failed";
    case "stopped":
      return "draining";
    case "online":
      return (instance.startedAt ?? 0) >= rollout.startedAt ? "ready" : "before";
  }
};

/** True while it decides what happens to the instances. */
export const isUnderWay = (progress: RolloutProgress | undefined): progress is RolloutProgress =>
  progress?.rollout.status === "running" || progress?.rollout.status === "paused";
