import type { InstanceStatus } from "../../domain/instance.ts";
import { statusPaint } from "./app-table.ts";
import type { Style } from "./style.ts";
import { cutMiddle } from "./table.ts";
import { formatSpan } from "../../domain/units.ts";

export interface InstanceProgress {
  app: string;
  index: number;
  status: InstanceStatus | "absent";
  /** When it came to that, in milliseconds since the epoch. */
  since: number;
}

const NAME_WIDTH = 40;

/** What becomes of the instances that a command is about: a line each, those on their way first where room is short. */
export const progressLines = (
  instances: readonly InstanceProgress[],
  now: number,
  room: number,
  style: Style,
): string[] => {
  const byName = [...instances].sort((a, b) => (a.app === b.app ? a.index - b.index : a.app < b.app ? -1 : 1));
  if (byName.length === 0) return [style.dim("velosd is at work …")];
  const fits = byName.length <= room;
  const chosen = fits
    ? byName
    : [...byName.filter(isMoving), ...byName.filter((one) => !isMoving(one))].slice(0, room - 1);
  const names = chosen.map(({ app, index }) => cutMiddle(`${app}:${index}`, NAME_WIDTH));
  const width = Math.max(...names.map((name) => name.length));
  const lines = chosen.map((instance, position) => {
    const { status, since } = instance;
    const shown = status === "absent" ? "stopped" : status;
    const span = isMoving(instance) ? style.dim(formatSpan(Math.max(1000, now - since))) : "";
    return `${names[position]!.padEnd(width)}  ${statusPaint({ status: shown }, style)(shown.padEnd(8))}  ${span}`.trimEnd();
  });
  if (fits) return lines;
  const left = byName.length - chosen.length;
  const done = byName.filter((one) => !isMoving(one)).length;
  return [...lines, style.dim(`… and ${left} more; ${done} of ${byName.length} done`)];
};

const isMoving = ({ status }: InstanceProgress): boolean =>
  status === "starting" || status === "stopping" || status === "waiting";
