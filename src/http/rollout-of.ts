import type { Result } from "../api/operations.ts";
import type { RolloutProgress } from "../api/push-messages.ts";

type View = Result<"list">["apps"][number];

/** The rollout of an app that velosd has just answered with, as the WebSocket tells it. */
export const rolloutOf = ({ name, rollout }: View): RolloutProgress | undefined => {
  if (!rollout) return undefined;
  const { from: _, replaced, total, ...rest } = rollout;
  return { app: name, rollout: rest, replaced, total };
};
