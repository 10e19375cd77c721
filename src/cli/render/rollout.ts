import type { AppView } from "../../controller/views.ts";
import type { Rollout } from "../../domain/rollout.ts";
import { appTable } from "./app-table.ts";
import type { Style } from "./style.ts";
import { formatSpan } from "../../domain/units.ts";

/** `velos rollout status`: which instances are replaced, and what stopped it if anything did. */
export const rolloutText = (app: AppView, rollout: Rollout | undefined, style: Style, width: number): string => {
  if (!rollout) return `${app.name} has had no rollout`;
  const affected = app.processes.filter(({ index }) => rollout.from[index] !== undefined);
  const replaced = affected.filter(
    (instance) =>
      instance.status === "online" && instance.spec === app.spec && instance.run !== rollout.from[instance.index],
  );
  const progress =
    affected.length === 0 ? "no instance had to be replaced" : `${replaced.length} of ${affected.length} replaced`;
  const lines = [`${rollout.kind} of ${app.name}: ${rollout.status}, ${progress}`];
  if (rollout.endedAt !== undefined) lines.push(style.dim(`took ${formatSpan(rollout.endedAt - rollout.startedAt)}`));
  if (rollout.failure) lines.push(style.red(`stopped at ${app.name}:${rollout.failure.index}: ${rollout.failure.why}`));
  return [...lines, appTable([app], style, width)].join("\n");
};
