import type { Result } from "../api/operations.ts";
import type { App } from "./fleet.ts";

type View = Result<"list">["apps"][number];

/** An app as velosd answers it, in the form in which the API shows apps: without the runs that a rollout replaces. */
export const stateOf = ({ rollout, ...app }: View): App => {
  if (!rollout) return app;
  const { from: _, ...rest } = rollout;
  return { ...app, rollout: rest };
};
