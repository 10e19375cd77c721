import type { MetricData } from "@opentelemetry/sdk-metrics";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppText } from "../../src/metrics/app-text.ts";
import { daemonReadings } from "../../src/metrics/daemon-readings.ts";
import { InstanceText } from "../../src/metrics/instance-text.ts";
import { readingsText } from "../../src/metrics/reading.ts";
import { samplesOf } from "../../src/telemetry/samples.ts";
import { parseExposition } from "../metrics/parse.ts";
import { anySnapshot } from "../metrics/snapshot.ts";

/** Points as samples of Prometheus: `name{labels}` to value, histograms by sum and count. */
const flat = (metrics: readonly MetricData[]): [string, number][] =>
  metrics.flatMap(({ descriptor: { name }, dataPointType, dataPoints }) =>
    (dataPoints as { attributes: Record<string, string>; value: unknown }[]).flatMap(({ attributes, value }) => {
      const key = (suffix: string): string =>
        JSON.stringify([`${name}${suffix}`, Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1))]);
      if (dataPointType !== DataPointType.HISTOGRAM) return [[key(""), value as number] as [string, number]];
      const { sum, count } = value as { sum: number; count: number };
      return [
        [key("_sum"), sum],
        [key("_count"), count],
      ] as [string, number][];
    }),
  );

describe("samplesOf", () => {
  it("has what the exposition has, value by value", async () => {
    await fc.assert(
      fc.asyncProperty(anySnapshot, async (snapshot) => {
        const text = [
          await readingsText(daemonReadings(snapshot), "text"),
          new AppText().render(snapshot, "text"),
          ...new InstanceText().render(snapshot, "text").map(String),
        ].join("");
        const exposed = [...parseExposition(text, "text")].flatMap(([, { samples }]) =>
          samples
            .filter(({ name }) => !name.endsWith("_bucket"))
            .map(({ name, labels, value }): [string, number] => [
              JSON.stringify([name, Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]),
              value,
            ]),
        );
        expect(new Map(flat(samplesOf(snapshot)))).toEqual(new Map(exposed));
      }),
      { numRuns: 60 },
    );
  });

  it("has histograms whose buckets add up to their count", () => {
    fc.assert(
      fc.property(anySnapshot, (snapshot) => {
        for (const { dataPointType, dataPoints } of samplesOf(snapshot)) {
          if (dataPointType !== DataPointType.HISTOGRAM) continue;
          for (const { value } of dataPoints) {
            const { boundaries, counts } = (value as { buckets: { boundaries: number[]; counts: number[] } }).buckets;
            expect(counts).toHaveLength(boundaries.length + 1);
            expect(counts.reduce((sum, count) => sum + count, 0)).toBe((value as { count: number }).count);
            expect([...boundaries].sort((a, b) => a - b)).toEqual(boundaries);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
