import type { Histogram } from "../domain/histogram.ts";
import { numberText } from "./exposition.ts";

/** The samples of a histogram: buckets count everything up to their bound, so each includes the ones before it. */
export const bucketLines = (name: string, labels: string, bounds: readonly number[], histogram: Histogram): string => {
  let [text, count] = ["", 0];
  histogram.counts.forEach((inBucket, at) => {
    count += inBucket;
    text += `${name}_bucket{${labels},le="${boundText(bounds[at] ?? Infinity)}"} ${count}\n`;
  });
  return `${text}${name}_sum{${labels}} ${numberText(histogram.sum)}\n${name}_count{${labels}} ${count}\n`;
};

/** OpenMetrics wants floats written as such (`1.0`), Prometheus reads both as the same number. */
const boundText = (bound: number): string => (Number.isInteger(bound) ? `${bound}.0` : numberText(bound));
