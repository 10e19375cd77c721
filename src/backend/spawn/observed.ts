import { fingerprint } from "../../domain/app.ts";
import { VelosError } from "../../domain/errors.ts";
import type { Exit, InstanceStatus, ObservedInstance } from "../../domain/instance.ts";
import type { ProcessEnd } from "./execute.ts";
import type { InstanceState } from "./state-file.ts";

/** Signals that end a program by convention; systemd counts them as a clean end as well. */
const CLEAN_SIGNALS = ["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"];

/** True for an end that was no failure. One that nobody could read the code of is taken for clean. */
const isClean = (exit: Exit, stopExitCodes: readonly number[]): boolean => {
  if (exit.result === "timeout") return false;
  if (exit.code === undefined && exit.signal === undefined) return exit.result === undefined;
  if (exit.signal !== undefined) return CLEAN_SIGNALS.includes(exit.signal);
  return exit.code === 0 || stopExitCodes.includes(exit.code ?? 0);
};

const statusOf = (state: InstanceState): InstanceStatus => {
  switch (state.phase) {
    case "spawning":
      return "starting";
    case "running":
      return state.onlineAt === undefined ? "starting" : "online";
    case "waiting":
      return "waiting";
    case "stopping":
    case "restarting":
      return "stopping";
    case "ended":
      return state.exit === undefined || isClean(state.exit, state.spec.stopExitCodes) ? "stopped" : "errored";
  }
};

/** What the controller is shown of an instance. */
export const observedOf = (state: InstanceState, unit: string): ObservedInstance => ({
  index: state.index,
  status: statusOf(state),
  unit,
  fingerprint: fingerprint(state.spec),
  run: state.run,
  restarts: state.restarts,
  ...(state.pid !== undefined && { pid: state.pid }),
  ...(state.startedAt !== undefined && { startedAt: state.startedAt }),
  ...(state.onlineAt !== undefined && { onlineAt: state.onlineAt }),
  ...(state.exit && { exit: state.exit }),
});

/**
 * The exit of a run.
 * @param result overrides the word for how it went, where velos itself made it end
 */
export const exitOf = (end: ProcessEnd, at: number, startedAt: number | undefined, result?: string): Exit => {
  const word =
    result ??
    (end.signal !== undefined
      ? "signal"
      : end.code === undefined
        ? undefined
        : end.code === 0
          ? "success"
          : "exit-code");
  return {
    at,
    ...end,
    ...(startedAt !== undefined && { ranMs: Math.max(0, at - startedAt) }),
    ...(word !== undefined && { result: word }),
  };
};

/** The end of a run that got no process: why not is its word. */
export const launchFailure = (error: unknown, at: number): Exit => {
  return { at, result: whyOf(error), ranMs: 0 };
};

/** Why a run could not be begun. */
export const whyOf = (error: unknown): string =>
  error instanceof VelosError ? String(error.details["why"] ?? error.message) : String(error);

/**
 * The last exit, with the word for why the next run cannot begin. It remains the same exit, at the same time: whoever
 * counts crashes counts no other.
 */
export const exitWhilePrevented = ({ at, ranMs }: Exit, why: string): Exit => ({
  at,
  ...(ranMs !== undefined && { ranMs }),
  result: why,
});
