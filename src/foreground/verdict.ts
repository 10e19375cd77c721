import { constants } from "node:os";
import type { AppView, InstanceView } from "../controller/views.ts";

/**
 * The exit code that apps which have come to an end leave; undefined while one of them may still do something. An app has
 * come to its end when none of its instances runs, and none is to: they ended and are not restarted, or were given up.
 * What somebody stopped with a command may be started again.
 *
 * The code is that of the first instance that failed, by the order of the apps; 128 + its number for a signal.
 */
export const verdictOf = (apps: readonly AppView[]): number | undefined => {
  const instances = apps.flatMap(({ processes }) => processes);
  if (!instances.every(isOver)) return undefined;
  return instances.map(codeOf).find((code) => code !== 0) ?? 0;
};

const isOver = ({ status, hold }: InstanceView): boolean =>
  (status === "stopped" || status === "errored") &&
  (hold?.why === "exited" || hold?.why === "failed" || hold?.why === "gave-up");

const codeOf = ({ exit, hold }: InstanceView): number => {
  const last = exit ?? hold?.exit;
  if (last?.code !== undefined) return last.code;
  if (last?.signal !== undefined) return 128 + (constants.signals[last.signal as NodeJS.Signals] ?? 0);
  // It could not even be started.
  return 1;
};
