/** How often values fell between bounds, and their sum. Plain data: it is stored and sent as it is. */
export interface Histogram {
  /** One for each bound (values up to it, above the one before), and a last one for what is above all of them. */
  counts: number[];
  sum: number;
}

export const newHistogram = (bounds: readonly number[]): Histogram => ({
  counts: Array.from({ length: bounds.length + 1 }, () => 0),
  sum: 0,
});

/** Counts a value. Values below zero (a clock that was set back) count as zero: a sum must not go down. */
export const observe = (histogram: Histogram, bounds: readonly number[], value: number): void => {
  const taken = Math.max(0, value);
  let at = 0;
  while (at < bounds.length && taken > bounds[at]!) at++;
  histogram.counts[at]!++;
  histogram.sum += taken;
};

/** Upper bounds in seconds for answers of velosd and of the bus: 0.1 ms to 2.5 s. */
export const latencyBounds: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];

/** Upper bounds in seconds for what instances take: to get ready, to drain, to be rolled out. */
export const durationBounds: readonly number[] = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
