import type { Backend } from "../backend/backend.ts";
import type { AppRecord } from "../domain/record.ts";
import type { RestartReason } from "../domain/rollout.ts";
import { MemoryGuard } from "./memory-guard.ts";
import { watchPaths } from "./watch-paths.ts";

export interface TriggersOptions {
  backend: Backend;
  /** Restarts an app, or one instance of it; errors are the callee's to report. */
  restart: (app: string, indexes: readonly number[] | undefined, reason: RestartReason) => Promise<void>;
  report: (problem: string) => void;
}

interface AppTriggers {
  watchKey: string;
  stopWatching?: () => Promise<void>;
  cron: string | undefined;
  stopCron?: () => void;
}

/**
 * What restarts an app without being asked each time: changed files, a schedule, too much memory. `sync` is told of
 * every record that is new or changed.
 */
export class Triggers {
  readonly #options: TriggersOptions;
  readonly #apps = new Map<string, AppTriggers>();
  readonly #memory: MemoryGuard;
  readonly #setting = new Set<Promise<unknown>>();

  constructor(options: TriggersOptions) {
    this.#options = options;
    this.#memory = new MemoryGuard(options);
  }

  sync(record: AppRecord): void {
    const app = record.spec.name;
    const state = this.#apps.get(app) ?? { watchKey: "[]", cron: undefined };
    this.#apps.set(app, state);
    const active = record.running && !record.deleting;
    this.#syncWatch(state, record, active);
    this.#syncCron(state, record, active);
    this.#memory.set(app, active ? record.spec.maxMemoryRestartBytes : undefined);
  }

  /** Resolves when every schedule that was asked for is with the backend. */
  async settled(): Promise<void> {
    await Promise.all(this.#setting);
  }

  async remove(app: string): Promise<void> {
    const state = this.#apps.get(app);
    this.#apps.delete(app);
    this.#memory.set(app, undefined);
    state?.stopCron?.();
    await state?.stopWatching?.();
  }

  /** Ends what runs in this process. A schedule that the backend keeps goes on. */
  async close(): Promise<void> {
    await Promise.all([...this.#apps.keys()].map((app) => this.remove(app)));
  }

  #syncWatch(state: AppTriggers, { spec }: AppRecord, active: boolean): void {
    const paths = active ? spec.watch : [];
    const key = JSON.stringify(paths.length === 0 ? [] : [paths, spec.watchIgnore]);
    if (key === state.watchKey) return;
    state.watchKey = key;
    void state.stopWatching?.();
    delete state.stopWatching;
    if (paths.length === 0) return;
    state.stopWatching = watchPaths(
      { paths, ignore: spec.watchIgnore, cwd: spec.cwd },
      () => this.#restart(spec.name, undefined, "watch"),
      (problem) => this.#options.report(`${spec.name}: cannot watch: ${problem}`),
    );
  }

  #syncCron(state: AppTriggers, { spec }: AppRecord, active: boolean): void {
    const cron = active ? spec.cronRestart : undefined;
    if (cron === state.cron) return;
    state.cron = cron;
    state.stopCron?.();
    delete state.stopCron;
    const { backend } = this.#options;
    if (backend.schedule) {
      const setting: Promise<unknown> = backend
        .schedule(spec.name, cron)
        .catch((error: unknown) =>
          this.#options.report(`${spec.name}: the schedule was not set: ${(error as Error).message}`),
        );
      this.#setting.add(setting);
      void setting.finally(() => this.#setting.delete(setting));
      return;
    }
    if (cron === undefined) return;
    let stopped = false;
    state.stopCron = () => (stopped = true);
    // Loaded only where a schedule is kept here.
    void import("croner").then(({ Cron }) => {
      if (stopped) return;
      const job = new Cron(cron, { unref: true }, () => this.#restart(spec.name, undefined, "cron"));
      state.stopCron = () => job.stop();
    });
  }

  #restart(app: string, indexes: readonly number[] | undefined, reason: RestartReason): void {
    this.#options
      .restart(app, indexes, reason)
      .catch((error: unknown) => this.#options.report(`${app}: restart by ${reason}: ${(error as Error).message}`));
  }
}
