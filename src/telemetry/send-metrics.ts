import type { Resource } from "@opentelemetry/resources";
import type { MetricProducer, PushMetricExporter } from "@opentelemetry/sdk-metrics";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import type { MetricsSnapshot } from "../api/metrics-schema.ts";
import { samplesOf } from "./samples.ts";

export interface SendMetricsOptions {
  exporter: PushMetricExporter;
  resource: Resource;
  version: string;
  intervalMs: number;
  /** What the operation `metrics` answers, as JSON. */
  snapshot: () => Promise<string>;
}

/** Sends the metrics at intervals. Returns what sends them for the last time, and ends it. */
export const sendMetrics = (options: SendMetricsOptions): (() => Promise<void>) => {
  const { exporter, resource, version, intervalMs, snapshot } = options;
  const scope = { name: "velos", version };
  const producer: MetricProducer = {
    collect: async () => {
      const metrics = samplesOf(JSON.parse(await snapshot()) as MetricsSnapshot);
      return { resourceMetrics: { resource, scopeMetrics: [{ scope, metrics }] }, errors: [] };
    },
  };
  const provider = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter,
        exportIntervalMillis: intervalMs,
        // A collection that outlasts its interval would meet the next one.
        exportTimeoutMillis: Math.min(intervalMs, 30_000),
        metricProducers: [producer],
      }),
    ],
  });
  return () => provider.shutdown();
};
