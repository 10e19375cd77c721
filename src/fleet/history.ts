import type { InstanceMetrics } from "../api/push-messages.ts";

/** The figures of which the past is kept. */
export type Figure = "cpuPercent" | "memoryBytes";

/** One value for each sample; null where the instance was not there, or the server was not. */
export type Series = readonly (number | null)[];

type Rings = Record<Figure, Float64Array>;

/**
 * The last samples of every instance, on one common time line. Rings of a fixed size: a page that is open for a month
 * needs no more memory than one that is open for the time it shows.
 */
export class History {
  readonly capacity: number;
  #count = 0;
  #times: Float64Array;
  #instances = new Map<string, Rings>();
  /** The sample in which an instance was seen last. */
  #seen = new Map<string, number>();

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#times = new Float64Array(capacity);
  }

  /** How many samples can be read. */
  get length(): number {
    return Math.min(this.#count, this.capacity);
  }

  /**
   * Takes a sample. Instances that no sample of the kept time has are forgotten.
   * @param atMs of the server's clock; one that is not later than the last sample's is not taken
   */
  add(atMs: number, figures: Readonly<Record<string, InstanceMetrics>>): void {
    const last = this.lastTime;
    if (last !== undefined && atMs <= last) return;
    const place = this.#count % this.capacity;
    this.#times[place] = atMs;
    for (const [name, { cpuPercent, memoryBytes }] of Object.entries(figures)) {
      const rings = this.#instances.get(name) ?? this.#create(name);
      rings.cpuPercent[place] = cpuPercent ?? NaN;
      rings.memoryBytes[place] = memoryBytes ?? NaN;
      this.#seen.set(name, this.#count);
    }
    for (const [name, seen] of this.#seen) {
      if (seen === this.#count) continue;
      if (this.#count - seen >= this.capacity) this.#forget(name);
      else {
        const rings = this.#instances.get(name)!;
        rings.cpuPercent[place] = NaN;
        rings.memoryBytes[place] = NaN;
      }
    }
    this.#count++;
  }

  /** Times of the last samples, in milliseconds, ascending. */
  times(samples = this.capacity): number[] {
    return this.#read(this.#times, samples) as number[];
  }

  /** The values of an instance at `times(samples)`. */
  series(name: string, figure: Figure, samples = this.capacity): Series {
    const rings = this.#instances.get(name);
    return rings ? this.#read(rings[figure], samples) : Array<null>(Math.min(samples, this.length)).fill(null);
  }

  /** What several instances use together at `times(samples)`; null where none of them is known. */
  sum(names: readonly string[], figure: Figure, samples = this.capacity): Series {
    const length = Math.min(samples, this.length);
    const total = Array<number | null>(length).fill(null);
    // Without a list for each of them: there may be hundreds, every second.
    for (const name of names) {
      const ring = this.#instances.get(name)?.[figure];
      if (!ring) continue;
      for (let at = 0; at < length; at++) {
        const value = ring[(this.#count - length + at) % this.capacity]!;
        if (!Number.isNaN(value)) total[at] = (total[at] ?? 0) + value;
      }
    }
    return total;
  }

  /** How many instances it knows. */
  get instances(): number {
    return this.#instances.size;
  }

  get lastTime(): number | undefined {
    return this.#count === 0 ? undefined : this.#times[(this.#count - 1) % this.capacity];
  }

  #create(name: string): Rings {
    const empty = (): Float64Array => new Float64Array(this.capacity).fill(NaN);
    const rings = { cpuPercent: empty(), memoryBytes: empty() };
    this.#instances.set(name, rings);
    return rings;
  }

  #forget(name: string): void {
    this.#instances.delete(name);
    this.#seen.delete(name);
  }

  #read(ring: Float64Array, samples: number): (number | null)[] {
    const length = Math.min(samples, this.length);
    const values = Array<number | null>(length);
    for (let at = 0; at < length; at++) {
      const value = ring[(this.#count - length + at) % this.capacity]!;
      values[at] = Number.isNaN(value) ? null : value;
    }
    return values;
  }
}

/** Where a line is to be broken: before a sample that came much later than the one before it. */
export const breakAtGaps = (timesMs: readonly number[], series: Series, gapMs: number): Series =>
  series.map((value, at) => (at > 0 && timesMs[at]! - timesMs[at - 1]! > gapMs ? null : value));
