import type { Exit, ObservedInstance } from "../domain/instance.ts";
import type { Action } from "../domain/plan.ts";
import type { AppRecord } from "../domain/record.ts";

/** A command that changes an app as a whole; rollouts and restarts are told by the record that they change. */
export type CommandType = "start" | "stop" | "scale" | "delete";

/** An action, at the moment when it is given to the backend. */
export interface ActionBegan {
  type: Action["type"];
  index: number;
  /** Milliseconds since the epoch, here and below. */
  at: number;
  record: AppRecord;
  /** What was there before. */
  instance: ObservedInstance | undefined;
}

/** How an action ended. */
export interface ActionOver {
  at: number;
  /** What is there now. */
  instance: ObservedInstance | undefined;
  /** The last end of a run that was seen. */
  exit: Exit | undefined;
  error?: unknown;
  /** Another action came in between: that it failed is what was wanted. */
  overtaken?: boolean;
}

/** An action that an observer watches. */
export interface WatchedAction {
  /** The W3C trace context that the run is to be started with. */
  traceparent: string | undefined;
  over: (end: ActionOver) => void;
}

/** A run became ready; told once for each. */
export interface RunReady {
  at: number;
  record: AppRecord;
  instance: ObservedInstance;
}

/** A run ended that nobody asked to end. */
export interface RunEnded {
  index: number;
  /** Empty: it is not known which. */
  run: string;
  /** When, at the latest. */
  at: number;
  /** How many ended since the last look; `exit` is that of the last one, where it was seen. */
  ends: number;
  exit: Exit | undefined;
  /** Where `RunReady` said that the run belongs. */
  startedBy: string | undefined;
  /** As it is with this end taken in: giving up is in it. */
  record: AppRecord;
}

/**
 * Who is told what velosd does and sees, as it happens. Its methods return at once and never throw; without an observer
 * nothing is made for one.
 */
export interface Observer {
  /** A command begins; what is returned is called when it has ended. */
  command(app: string, type: CommandType, at: number): (end: { at: number; error?: unknown }) => void;
  action(began: ActionBegan): WatchedAction | undefined;
  /** Returns the place in a trace to which a later end of the run is linked. */
  ready(run: RunReady): string | undefined;
  ended(run: RunEnded): void;
  /** The desired state of an app changed: by a command, or by what was observed. */
  changed(before: AppRecord, after: AppRecord, at: number): void;
}
