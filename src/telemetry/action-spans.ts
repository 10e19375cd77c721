import type { ActionBegan, ActionOver } from "../controller/observer.ts";
import { hasReadinessSignal } from "../domain/app.ts";
import { exitAttributes, failureOf, instanceAttributes, runAttributes } from "./attributes.ts";
import type { Place } from "./place.ts";
import { newPlace } from "./place.ts";
import type { FinishedSpan } from "./span-sink.ts";

/** An action whose spans are not made yet. */
export interface OpenAction {
  began: ActionBegan;
  place: Place;
  parent: Place | undefined;
  /** For a restart in a rollout: why. */
  reason: string | undefined;
  over?: ActionOver;
  /** When the run became ready that it started. */
  readyAt?: number;
  /** Why it never did. */
  unready?: string;
}

/** True when the run counts as ready only after the backend has said that it is up. */
export const waitsForHealth = ({ began }: OpenAction): boolean =>
  began.type !== "stop" && began.record.spec.health !== undefined;

/**
 * The spans of an action that is over, the whole first: `velos.instance.start` and its like, and in it the old run's
 * drain, the service manager's job, and the time from the process's start until it was ready. Their times are those that
 * the manager noted, which may be a little before the moment when velosd had asked: then they begin with the action.
 */
export const actionSpans = (open: OpenAction, over: ActionOver, isSystemd: boolean): FinishedSpan[] => {
  const { began, place, parent, readyAt, unready, reason } = open;
  const { type, index, at: from, record } = began;
  const after = type === "stop" ? undefined : over.instance;
  const failure = over.error === undefined || over.overtaken ? undefined : failureOf(over.error);
  const error = failure?.message ?? unready;
  const errorType = failure?.type ?? (unready === undefined ? undefined : "INSTANCE_FAILED");
  const whole: FinishedSpan = {
    name: `velos.instance.${type}`,
    place,
    parent,
    from,
    to: Math.max(over.at, readyAt ?? 0),
    attributes: {
      ...instanceAttributes(record.spec.name, index),
      ...runAttributes(after ?? began.instance, isSystemd),
      ...(reason !== undefined && { "velos.restart.reason": reason }),
      ...(over.overtaken && { "velos.overtaken": true }),
      ...(errorType !== undefined && { "error.type": errorType }),
    },
    ...(error !== undefined && {
      error,
      events: [
        {
          name: "exception",
          at: over.at,
          attributes: { "exception.type": errorType!, "exception.message": error },
        },
      ],
    }),
  };
  const parts = [
    type === "start" ? undefined : drain(open, over),
    isSystemd ? job(open, over, failure?.message) : undefined,
    type === "stop" ? undefined : readiness(open, over, error),
  ];
  return [whole, ...parts.flatMap((part) => (part ? [{ ...part, place: newPlace(place), parent: place }] : []))];
};

type Part = Omit<FinishedSpan, "place" | "parent">;

/** From being told to end to the old run's end. */
const drain = ({ began }: OpenAction, over: ActionOver): Part | undefined => {
  const { instance, at: from, type } = began;
  if (instance?.pid === undefined) return undefined;
  const exit = over.exit && over.exit.at >= from - 1 ? over.exit : undefined;
  const to = exit?.at ?? (type === "stop" ? over.at : over.instance?.startedAt);
  if (to === undefined || (over.error !== undefined && !exit)) return undefined;
  return {
    name: "velos.instance.drain",
    from,
    to: Math.max(from, to),
    attributes: {
      "process.pid": instance.pid,
      ...exitAttributes(exit),
      "velos.drain.forced": exit?.signal === "SIGKILL",
    },
  };
};

/** The job of systemd: it ends when the unit is up (and ready, where the app says so), or gone. */
const job = ({ began }: OpenAction, over: ActionOver, error: string | undefined): Part => {
  const unit = over.instance?.unit ?? began.instance?.unit;
  return {
    name: "systemd.job",
    from: began.at,
    to: over.at,
    attributes: { "systemd.job.type": began.type, ...(unit !== undefined && { "systemd.unit": unit }) },
    ...(error !== undefined && { error }),
  };
};

/** From the start of the process until it was ready: by its own word, or by its health check. */
const readiness = (open: OpenAction, over: ActionOver, error: string | undefined): Part | undefined => {
  const { spec } = open.began.record;
  if (!spec.health && !hasReadinessSignal(spec)) return undefined;
  const { startedAt, onlineAt } = over.instance ?? {};
  if (startedAt === undefined) return undefined;
  const from = Math.max(startedAt, open.began.at);
  return {
    name: "velos.instance.readiness",
    from,
    to: Math.max(from, open.readyAt ?? (spec.health ? over.at : (onlineAt ?? over.at))),
    attributes: { "velos.readiness.by": spec.health ? "health" : "notify" },
    ...(error !== undefined && { error }),
  };
};
