import type { Result } from "../api/operations.ts";
import type { RolloutProgress } from "../api/push-messages.ts";

type View = Result<"list">["apps"][number];

/** The rollout of an app that velosd has just answered with: how far it is as its instances show it. */
export const rolloutOf = ({ name, rollout, instances, spec, processes }: View): RolloutProgress | undefined => {
  if (!rollout) return undefined;
  const { from, ...rest } = rollout;
  const wanted = Object.keys(from).filter((index) => Number(index) < instances);
  const isBack = (index: string): boolean => {
    const instance = processes.find((one) => one.index === Number(index));
    return instance?.status === "online" && instance.spec === spec && instance.run !== from[index];
  };
  const replaced = rest.status === "done" ? wanted.length : wanted.filter(isBack).length;
  return { app: name, rollout: rest, replaced, total: wanted.length };
};
