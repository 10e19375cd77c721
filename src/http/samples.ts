import type { MetricsSnapshot } from "../api/metrics-schema.ts";
import type { InstanceMetrics } from "../api/push-messages.ts";
import { shared } from "../api/shared.ts";
import { column } from "../domain/snapshot.ts";
import type { Velosd } from "./velosd.ts";

/** Figures of all instances at one moment. */
export interface Sample {
  at: number;
  daemon: MetricsSnapshot["daemon"];
  /** By name, `api:2`; of those that have a process. */
  instances: ReadonlyMap<string, InstanceMetrics>;
}

/** Figures are at most this old. Measuring them costs velosd something, and they say nothing about less time. */
const MAX_AGE_MS = 1000;
/** But for those of an instance that was started since: it has had none. */
export const UNMEASURED_AGE_MS = 100;

/** The figures, measured when somebody wants to see them and no more than once a second. */
export class Samples {
  readonly #velosd: Velosd;
  #latest: Sample | undefined;
  #measuredAt = -Infinity;

  constructor(velosd: Velosd) {
    this.#velosd = velosd;
  }

  get latest(): Sample | undefined {
    return this.#latest;
  }

  /** @throws VelosError DAEMON_UNREACHABLE */
  async fresh(maxAgeMs = MAX_AGE_MS): Promise<Sample> {
    if (this.#latest && performance.now() - this.#measuredAt < maxAgeMs) return this.#latest;
    return this.#measure();
  }

  /** Those of a velosd that is gone are of no use. */
  forget(): void {
    this.#latest = undefined;
    this.#measuredAt = -Infinity;
  }

  readonly #measure = shared(async (): Promise<Sample> => {
    const began = performance.now();
    const sample = sampleOf(await this.#velosd.call("metrics", {}));
    this.#measuredAt = began;
    return (this.#latest = sample);
  });
}

const sampleOf = ({ at, daemon, apps, instances }: MetricsSnapshot): Sample => {
  const numbers = (row: MetricsSnapshot["instances"][number]) => {
    const number = (name: keyof typeof column): number | undefined => {
      const value = row[column[name]];
      return typeof value === "number" ? value : undefined;
    };
    const [cpuPercent, memoryBytes, tasks, openFds] = [
      number("cpuPercent"),
      number("memoryBytes"),
      number("tasks"),
      number("openFds"),
    ];
    return {
      ...(cpuPercent !== undefined && { cpuPercent }),
      ...(memoryBytes !== undefined && { memoryBytes }),
      ...(tasks !== undefined && { tasks }),
      ...(openFds !== undefined && { openFds }),
      restarts: number("restarts") ?? 0,
    };
  };
  const alive = instances.filter((row) => row[column.startedAt] !== null);
  const nameOf = (row: (typeof instances)[number]): string =>
    `${apps[row[column.app] as number]!.name}:${row[column.index]}`;
  return { at, daemon, instances: new Map(alive.map((row) => [nameOf(row), numbers(row)])) };
};
