import { Registry } from "prom-client";
import type { Metric, OpenMetricsContentType, PrometheusContentType } from "prom-client";
import type { Format } from "./exposition.ts";

/** A value as prom-client's registry writes it. */
export interface ReadingValue {
  value: number;
  labels: Partial<Record<string, string | number>>;
  /** Of a histogram: the name with `_bucket`, `_sum` or `_count`. */
  metricName?: string;
}

/** A metric whose values are counted elsewhere, by velosd. */
export interface Reading {
  name: string;
  help: string;
  type: "counter" | "gauge" | "histogram";
  /** Empty: the metric is left out. */
  values: () => Promise<readonly ReadingValue[]> | readonly ReadingValue[];
}

/** What a registry asks of a metric. It takes `_total` off the name of a counter for OpenMetrics, so each gets its own. */
class RegistryMetric {
  name: string;
  readonly help: string;
  readonly type: Reading["type"];
  readonly #values: readonly ReadingValue[];

  constructor({ name, help, type }: Reading, values: readonly ReadingValue[]) {
    [this.name, this.help, this.type, this.#values] = [name, help, type, values];
  }

  async get(): Promise<unknown> {
    return { name: this.name, help: this.help, type: this.type, values: this.#values };
  }
}

/** The exposition of readings, by prom-client; without the end mark of OpenMetrics. */
export const readingsText = async (readings: readonly Reading[], format: Format): Promise<string> => {
  const registry = new Registry<PrometheusContentType | OpenMetricsContentType>();
  if (format === "openmetrics") registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const reading of readings) {
    const values = await reading.values();
    if (values.length > 0) registry.registerMetric(new RegistryMetric(reading, values) as unknown as Metric);
  }
  return (await registry.metrics()).replace(/# EOF\n$/, "").replaceAll("\n\n", "\n");
};
