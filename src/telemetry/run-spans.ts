import type { RunEnded, RunReady } from "../controller/observer.ts";
import type { Hold } from "../domain/record.ts";
import { describeExit } from "../domain/instance.ts";
import { exitReason } from "../domain/tally.ts";
import { exitAttributes, exitType, instanceAttributes, runAttributes } from "./attributes.ts";
import type { Place } from "./place.ts";
import { newPlace, placeOf, spanIdOf } from "./place.ts";
import type { FinishedSpan } from "./span-sink.ts";

/**
 * A run that ended by itself: `velos.instance.crash`, or `velos.instance.exit` where it ended well. Its ids are made of
 * the end itself, so that one that two velosds report (the first died before it had written down that it counted it) is
 * one in the end.
 */
export const endSpan = (ended: RunEnded, links: readonly Place[], pid: number | undefined): FinishedSpan => {
  const { index, run, ends, exit, record } = ended;
  const { name } = record.spec;
  const at = exit?.at ?? ended.at;
  const isError = exit === undefined || exitReason(exit) !== "success";
  const hold = record.holds[index];
  return {
    name: isError ? "velos.instance.crash" : "velos.instance.exit",
    place: placeOf("end", name, index, run, at),
    from: at,
    to: at,
    attributes: {
      ...instanceAttributes(name, index),
      ...(pid !== undefined && { "process.pid": pid }),
      ...exitAttributes(exit),
      ...(ends > 1 && { "velos.crash.count": ends }),
      ...(isError && { "error.type": exitType(exit) }),
    },
    links,
    ...(isError && { error: exit ? describeExit(exit) : "it ended, and nobody saw how" }),
    ...(hold &&
      hold.at >= at && {
        events: [{ name: "velos.instance.hold", at: hold.at, attributes: { "velos.hold": hold.why } }],
      }),
  };
};

/** A run that began without velosd, by the restart policy or by somebody's hand: it is known when it is ready. */
export const foundSpan = (
  { at, record, instance }: RunReady,
  crash: { place: Place; at: number } | undefined,
  parent: Place | undefined,
  isSystemd: boolean,
): FinishedSpan => {
  const { name } = record.spec;
  const isRestart = instance.restarts > 0;
  const from = crash?.at ?? instance.startedAt ?? at;
  const above = crash?.place ?? parent;
  return {
    name: isRestart ? "velos.instance.restart" : "velos.instance.start",
    place: crash
      ? { traceId: crash.place.traceId, spanId: spanIdOf("found", name, instance.index, instance.run) }
      : newPlace(above),
    parent: above,
    from,
    to: at,
    attributes: {
      ...instanceAttributes(name, instance.index),
      ...runAttributes(instance, isSystemd),
      ...(isRestart && { "velos.restart.reason": "crash" }),
      "velos.instance.automatic": true,
    },
  };
};

/** An instance that is down although nobody asked velos: stopped with the service manager's own tools, or done. */
export const holdSpan = (app: string, index: number, hold: Hold, links: readonly Place[]): FinishedSpan => {
  const at = hold.exit?.at ?? hold.at;
  return {
    name: hold.why === "operator" ? "velos.instance.stop" : "velos.instance.exit",
    place: newPlace(),
    from: at,
    to: Math.max(at, hold.at),
    attributes: { ...instanceAttributes(app, index), ...exitAttributes(hold.exit), "velos.hold": hold.why },
    links,
  };
};
