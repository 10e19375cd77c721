import type { HrTime } from "@opentelemetry/api";
import { ValueType } from "@opentelemetry/api";
import type { Histogram as HistogramValue, MetricData } from "@opentelemetry/sdk-metrics";
import { AggregationTemporality, DataPointType } from "@opentelemetry/sdk-metrics";
import type { MetricsSnapshot } from "../api/metrics-schema.ts";
import type { Histogram } from "../domain/histogram.ts";
import { durationBounds } from "../domain/histogram.ts";
import { column } from "../domain/snapshot.ts";
import { appFamilies } from "../metrics/app-families.ts";
import { daemonReadings } from "../metrics/daemon-readings.ts";
import type { Family } from "../metrics/exposition.ts";
import { instanceFamilies } from "../metrics/instance-families.ts";
import { infoFamily, infoLabels } from "../metrics/instance-info.ts";
import type { Reading } from "../metrics/reading.ts";

type Labels = Record<string, string>;

/** When counting began, where it is not known: what velosd counts goes on over its own death. */
const UNKNOWN: HrTime = [0, 0];

const hrTime = (ms: number): HrTime => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];

/** The samples of a snapshot, under the names and labels that `velos metrics` gives them. */
export const samplesOf = (snapshot: MetricsSnapshot): MetricData[] => {
  const { at, daemon } = snapshot;
  const end = hrTime(at);
  const daemonStart = hrTime(at - daemon.uptimeSeconds * 1000);
  return [
    ...daemonReadings(snapshot).flatMap((reading) => readingMetric(reading, daemonStart, end)),
    ...appMetrics(snapshot, end),
    ...instanceMetrics(snapshot, end),
    ...metric(
      infoFamily,
      UNKNOWN,
      end,
      snapshot.instances.map((row) => ({ attributes: infoLabels(row, snapshot), value: 1 })),
    ),
  ];
};

type Plain = { attributes: Labels; value: number };

/** Undefined without points: a metric without any is not sent. */
const metric = (
  { name, help, type }: Pick<Family, "name" | "help" | "type">,
  start: HrTime,
  end: HrTime,
  points: readonly Plain[],
): MetricData[] => {
  if (points.length === 0) return [];
  const isSum = type === "counter";
  const dataPoints = points.map(({ attributes, value }) => ({ startTime: start, endTime: end, attributes, value }));
  const common = { descriptor: descriptor(name, help), aggregationTemporality: AggregationTemporality.CUMULATIVE };
  return isSum
    ? [{ ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }]
    : [{ ...common, dataPointType: DataPointType.GAUGE, dataPoints }];
};

const histogramMetric = (
  { name, help }: Pick<Family, "name" | "help">,
  start: HrTime,
  end: HrTime,
  points: readonly { attributes: Labels; value: HistogramValue }[],
): MetricData[] => {
  if (points.length === 0) return [];
  return [
    {
      descriptor: descriptor(name, help),
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: points.map((point) => ({ startTime: start, endTime: end, ...point })),
    },
  ];
};

const UNITS: readonly (readonly [RegExp, string])[] = [
  [/_bytes(_total)?$/, "By"],
  [/_seconds(_total)?$/, "s"],
  [/_percent$/, "%"],
];

const descriptor = (name: string, description: string) => ({
  name,
  description,
  unit: UNITS.find(([pattern]) => pattern.test(name))?.[1] ?? "",
  valueType: ValueType.DOUBLE,
});

const histogramValue = (boundaries: readonly number[], { counts, sum }: Histogram): HistogramValue => ({
  buckets: { boundaries: [...boundaries], counts: [...counts] },
  sum,
  count: counts.reduce((all, count) => all + count, 0),
});

const appMetrics = ({ apps }: MetricsSnapshot, end: HrTime): MetricData[] =>
  appFamilies.flatMap((family) =>
    "histogram" in family
      ? histogramMetric(
          family,
          UNKNOWN,
          end,
          apps.map((app) => ({
            attributes: { name: app.name },
            value: histogramValue(durationBounds, family.histogram(app)),
          })),
        )
      : metric(
          family,
          UNKNOWN,
          end,
          apps.flatMap((app) =>
            family.values(app).map(({ labels, value }) => ({ attributes: { name: app.name, ...labels }, value })),
          ),
        ),
  );

const instanceMetrics = ({ instances, apps, at }: MetricsSnapshot, end: HrTime): MetricData[] => {
  const named = instances.map((row) => ({
    row,
    labels: { name: apps[row[column.app] as number]!.name, instance: String(row[column.index]) },
  }));
  return instanceFamilies.flatMap((family) =>
    metric(
      family,
      UNKNOWN,
      end,
      named.flatMap(({ row, labels }) =>
        family.series.flatMap((series): Plain[] => {
          const value = series.value(row, at);
          return value === undefined ? [] : [{ attributes: { ...labels, ...series.labels }, value }];
        }),
      ),
    ),
  );
};

const readingMetric = (reading: Reading, start: HrTime, end: HrTime): MetricData[] => {
  // Those of velosd are there at once.
  const values = reading.values() as Exclude<ReturnType<Reading["values"]>, Promise<unknown>>;
  const text = (labels: object): Labels =>
    Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
  if (reading.type !== "histogram") {
    return metric(
      reading,
      start,
      end,
      values.map(({ labels, value }) => ({ attributes: text(labels), value })),
    );
  }
  const points = new Map<string, { attributes: Labels; value: HistogramValue }>();
  for (const { metricName, labels, value } of values) {
    const { le, ...attributes } = labels;
    const key = JSON.stringify(attributes);
    const empty: HistogramValue = { buckets: { boundaries: [], counts: [] }, sum: 0, count: 0 };
    const point = points.get(key) ?? { attributes: text(attributes), value: empty };
    points.set(key, point);
    if (metricName === `${reading.name}_sum`) point.value.sum = value;
    else if (metricName === `${reading.name}_count`) point.value.count = value;
    else {
      // Each counts what is in those before it, too.
      const { boundaries, counts } = point.value.buckets;
      counts.push(value - counts.reduce((all, count) => all + count, 0));
      if (typeof le === "number") boundaries.push(le);
    }
  }
  return histogramMetric(reading, start, end, [...points.values()]);
};
