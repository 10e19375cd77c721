import type { AppSpec } from "../domain/app.ts";
import { VelosError } from "../domain/errors.ts";
import type { AppRecord } from "../domain/record.ts";
import type { Rollout } from "../domain/rollout.ts";
import type { AppState } from "./app-state.ts";
import type { Converge } from "./converge.ts";
import type { Wait } from "./settle.ts";
import type { AppView } from "./views.ts";

export interface RolloutsOptions {
  converge: Converge;
  /** @throws VelosError APP_NOT_FOUND */
  state: (app: string) => AppState;
  view: (state: AppState) => Promise<AppView>;
  /** Brings an app to a spec. */
  start: (spec: AppSpec, wait: Wait) => Promise<unknown>;
}

/** What can be done with a rollout once it has begun. */
export class Rollouts {
  readonly #options: RolloutsOptions;

  constructor(options: RolloutsOptions) {
    this.#options = options;
  }

  /** The rollout of an app: the one under way, or the last. */
  async status(app: string): Promise<{ app: AppView; rollout?: Rollout }> {
    const state = this.#options.state(app);
    const { rollout } = state.record;
    return { app: await this.#options.view(state), ...(rollout && { rollout }) };
  }

  /** Holds a rollout: who is out comes back, nobody else goes. */
  async pause(app: string): Promise<{ app: AppView }> {
    return this.#change(app, "running", "that runs", (record, rollout) => ({
      ...record,
      rollout: { ...rollout, status: "paused" },
    }));
  }

  /** Goes on with a rollout that is paused, or tries again one that stopped at a failure. */
  async resume(app: string): Promise<{ app: AppView }> {
    const stalled = this.#options.state(app).record.rollout?.status === "stalled";
    return this.#change(app, stalled ? "stalled" : "paused", "that is paused or stopped", (record, rollout) => {
      const { failure: _, endedAt: __, ...rest } = rollout;
      return { ...record, rollout: { ...rest, status: "running" } };
    });
  }

  /** Rolls back to the spec before the last change. */
  async undo(app: string, wait: Wait = "all"): Promise<{ app: AppView }> {
    const state = this.#options.state(app);
    const { previous, rollout } = state.record;
    if (!previous) {
      const why = rollout?.kind === "revert" ? "the last one was taken back by itself" : "its spec was never changed";
      throw new VelosError("ROLLOUT_NOT_FOUND", { app, what: `to undo: ${why}` });
    }
    await this.#options.start(previous, wait);
    return { app: await this.#options.view(state) };
  }

  async #change(
    app: string,
    status: Rollout["status"],
    what: string,
    change: (record: AppRecord, rollout: Rollout) => AppRecord,
  ): Promise<{ app: AppView }> {
    const state = this.#options.state(app);
    if (state.record.rollout?.status !== status) throw new VelosError("ROLLOUT_NOT_FOUND", { app, what });
    await this.#options.converge.change(state, (record) =>
      record.rollout?.status === status ? change(record, record.rollout) : record,
    );
    return { app: await this.#options.view(state) };
  }
}
