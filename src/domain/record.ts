import type { AppSpec } from "./app.ts";
import type { Exit } from "./instance.ts";
import type { Rollout } from "./rollout.ts";

/** Why an instance is meant to be down although its app is running. */
export interface Hold {
  /**
   * `command`: `velos stop api:2`; `operator`: stopped behind velos's back (`systemctl stop`); `exited`: ended by
   * itself and is not to be restarted; `failed`: could not be started; `gave-up`: crashed max_restarts times in a row.
   */
  why: "command" | "operator" | "exited" | "failed" | "gave-up";
  /** Milliseconds since the epoch. */
  at: number;
  exit?: Exit;
}

/** Desired state of one app: what the store keeps in `<state>/apps/<app>.json`. */
export interface AppRecord {
  spec: AppSpec;
  /** How many instances are wanted, numbered from 0. */
  instances: number;
  /** False after `velos stop api`. */
  running: boolean;
  /**
   * Stopped only to come up at other addresses: a velosd that finds it like this was cut off in between, and starts it
   * again.
   */
  moving?: true;
  /** True from `velos delete` until the last instance is gone. */
  deleting: boolean;
  /** Instances that are meant to be down, by index. */
  holds: Record<string, Hold>;
  /**
   * Which instances were created, and in which life of the supervisor: one that was created in this life and is gone
   * was stopped by somebody, one of an earlier life is to be started again (a reboot).
   */
  created: { epoch: string; indexes: number[] };
  /** The spec before the last change, for revert and undo. */
  previous?: AppSpec;
  /** Set from an update until a rollout has brought all instances up on `spec`: no later one is to return to it. */
  unproven?: true;
  /**
   * Further specs that instances may still be on: of updates that others overtook before they were done, and of one that
   * was taken back. Absent, never empty, where there are none; see known-specs.ts.
   */
  overtaken?: AppSpec[];
  rollout?: Rollout;
  /**
   * Runs, by index, that were to be replaced by new ones while a rollout is under way: once it is paused or stalled they
   * are, on the spec that the instance has, and it is none of the rollout's business. Those of other runs mean nothing any more.
   */
  again?: Record<string, string>;
  createdAt: number;
  updatedAt: number;
}

/** True when the instance should be running. */
export const isWanted = (record: AppRecord, index: number): boolean =>
  record.running && !record.deleting && index < record.instances && record.holds[index] === undefined;

/** The indexes that should be running, ascending. */
export const wantedIndexes = (record: AppRecord): number[] =>
  Array.from({ length: record.instances }, (_, index) => index).filter((index) => isWanted(record, index));
