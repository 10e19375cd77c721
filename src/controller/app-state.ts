import type { InstanceStatus } from "../domain/instance.ts";
import type { Action } from "../domain/plan.ts";
import type { AppRecord } from "../domain/record.ts";

/** An action that was given to the backend and has not been answered. */
export interface PendingAction {
  type: Action["type"];
  /** The rollout on whose account it was given; empty without one. */
  rollout: string;
}

/** Why the last start or restart of an instance failed, for the command that waits for it. */
export interface StartFailure {
  why: string;
  at: number;
}

/** What velosd holds in memory of one app. Only `record` is on disk; the rest can be found again by looking. */
export class AppState {
  record: AppRecord;
  readonly pending = new Map<number, PendingAction>();
  /** Starts of the rollout under way that the backend refused. */
  readonly refused = new Map<number, string>();
  /** The last run known of each index when a rollout began. */
  runsBefore?: { rollout: string; runs: Map<number, string> };
  /** Indexes that are left alone until a time of `performance.now`, after the backend could not do what is named. */
  readonly retryAt = new Map<number, { at: number; type: Action["type"] }>();
  readonly failures = new Map<number, StartFailure>();
  /** Statuses as last announced. */
  readonly announced = new Map<number, InstanceStatus>();
  /** Runs as last announced online. */
  readonly announcedRuns = new Map<number, string>();
  readonly waiters = new Set<() => void>();
  /** Raised by every command that changes what is desired. */
  revision = 0;
  /** What the instances share is being made, for the spec of this digest. */
  preparing: { digest: string; done: Promise<void> } | undefined;
  /** Work under way that needs what they share: it is not removed meanwhile, nor is the app forgotten. */
  claims = 0;
  /** What they shared is being removed, or was: nothing is left of the app at the backend. */
  releasing: Promise<void> | undefined;
  released = false;
  /** What observation has made desired is on disk, or could not be put there. */
  saved: Promise<void> = Promise.resolve();
  timer: NodeJS.Timeout | undefined;
  /** It is being forgotten, unless somebody wants it again first. */
  finishing = false;
  /** Nothing of it is stored any more. */
  deleted = false;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(record: AppRecord) {
    this.record = record;
  }

  get name(): string {
    return this.record.spec.name;
  }

  /** Runs tasks of this app that touch its file one after the other. */
  async exclusively<T>(task: () => Promise<T>): Promise<T> {
    const run = this.#queue.then(task, task);
    this.#queue = run.catch(() => {});
    return run;
  }

  notify(): void {
    for (const waiter of [...this.waiters]) waiter();
  }
}
