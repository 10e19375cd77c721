import type { Histogram } from "../domain/histogram.ts";
import { latencyBounds, newHistogram, observe } from "../domain/histogram.ts";

/** Requests by method and outcome (`OK` or an error code), and how long answers took. */
export class RequestCounters {
  readonly #counts = new Map<string, { method: string; code: string; count: number }>();
  readonly #latencies = new Map<string, Histogram>();

  /** @param began from `process.hrtime.bigint()`; absent for a stream, whose length says nothing about velosd */
  count(method: string, code: string, began?: bigint): void {
    const key = `${method} ${code}`;
    const entry = this.#counts.get(key) ?? { method, code, count: 0 };
    entry.count++;
    this.#counts.set(key, entry);
    if (began === undefined) return;
    const latency = this.#latencies.get(method) ?? newHistogram(latencyBounds);
    this.#latencies.set(method, latency);
    observe(latency, latencyBounds, Number(process.hrtime.bigint() - began) / 1e9);
  }

  all(): readonly { method: string; code: string; count: number }[] {
    return [...this.#counts.values()];
  }

  /** Bounds: `latencyBounds`. */
  latencies(): readonly ({ method: string } & Histogram)[] {
    return [...this.#latencies].map(([method, latency]) => ({ method, ...latency }));
  }
}
