import type { Backend, Usage } from "../backend/backend.ts";
import type { RestartReason } from "../domain/rollout.ts";

/** How often memory is looked at, while any app has a limit. */
const INTERVAL_MS = 5000;

export interface MemoryGuardOptions {
  backend: Backend;
  restart: (app: string, indexes: readonly number[], reason: RestartReason) => Promise<void>;
  report: (problem: string) => void;
}

/** Restarts, gracefully, each instance that uses more memory than its app's `max_memory_restart`. */
export class MemoryGuard {
  readonly #limits = new Map<string, number>();
  readonly #restarting = new Set<string>();
  readonly #options: MemoryGuardOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: MemoryGuardOptions) {
    this.#options = options;
  }

  /** @param bytes undefined: no limit any more */
  set(app: string, bytes: number | undefined): void {
    if (bytes === undefined) this.#limits.delete(app);
    else this.#limits.set(app, bytes);
    if (this.#limits.size > 0) this.#timer ??= setInterval(() => void this.#look(), INTERVAL_MS).unref();
    else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  async #look(): Promise<void> {
    const { backend, restart, report } = this.#options;
    for (const [app, limit] of this.#limits) {
      const over: number[] = [];
      for (const { index, status } of backend.observe(app)) {
        if (status !== "online" || this.#restarting.has(`${app}:${index}`)) continue;
        // What cannot be measured now (no descriptor is left) is measured at the next look.
        const { memoryBytes } = await backend.usage(app, index).catch((): Usage => ({}));
        if (memoryBytes !== undefined && memoryBytes > limit) over.push(index);
      }
      for (const index of over) {
        const key = `${app}:${index}`;
        this.#restarting.add(key);
        report(`${key} uses more memory than its limit of ${limit} bytes and is restarted`);
        restart(app, [index], "memory")
          .catch((error: unknown) => report(`${key}: ${(error as Error).message}`))
          .finally(() => this.#restarting.delete(key));
      }
    }
  }
}
