import type { Backend, Usage } from "../backend/backend.ts";
import type { ObservedInstance } from "../domain/instance.ts";

interface Sample {
  run: string;
  at: number;
  cpuUsec: number;
  percent: number;
}

/** Two readings closer together than this say more about the clock than about the load. */
const MIN_WINDOW_MS = 500;
/** A reading older than this is no longer "now": the average since then would hide what happens. */
const MAX_WINDOW_MS = 60_000;

/**
 * CPU as a percentage: the difference between two readings of CPU time over the time between them; for the first
 * reading of a run the average since it began. Memory as it is at the moment.
 */
export class UsageMeter {
  readonly #backend: Backend;
  readonly #now: () => number;
  readonly #samples = new Map<string, Sample>();

  constructor(backend: Backend, now: () => number) {
    this.#backend = backend;
    this.#now = now;
  }

  async measure(app: string, instance: ObservedInstance): Promise<{ cpuPercent?: number; memoryBytes?: number }> {
    // A list without figures is better than none.
    const usage = await this.#backend.usage(app, instance.index).catch((): Usage => ({}));
    const cpuPercent = usage.cpuUsec === undefined ? undefined : this.percent(app, instance, usage.cpuUsec);
    return {
      ...(cpuPercent !== undefined && { cpuPercent }),
      ...(usage.memoryBytes !== undefined && { memoryBytes: usage.memoryBytes }),
    };
  }

  forget(app: string): void {
    for (const key of this.#samples.keys()) if (key.startsWith(`${app}:`)) this.#samples.delete(key);
  }

  /** The percentage by a reading of CPU time that was made just now. */
  percent(app: string, instance: ObservedInstance, cpuUsec: number): number {
    const key = `${app}:${instance.index}`;
    const now = performance.now();
    const last = this.#samples.get(key);
    const fresh = last?.run === instance.run && now - last.at <= MAX_WINDOW_MS ? last : undefined;
    if (fresh && now - fresh.at < MIN_WINDOW_MS) return fresh.percent;
    const since = fresh?.at ?? (instance.startedAt === undefined ? now : now - (this.#now() - instance.startedAt));
    const used = cpuUsec - (fresh?.cpuUsec ?? 0);
    const percent = now > since ? Math.max(0, Math.round((used / ((now - since) * 1000)) * 1000) / 10) : 0;
    this.#samples.set(key, { run: instance.run, at: now, cpuUsec, percent });
    return percent;
  }
}
