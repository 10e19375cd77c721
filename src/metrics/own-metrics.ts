import { Counter, Gauge, Histogram } from "prom-client";
import { latencyBounds } from "../domain/histogram.ts";
import type { Reading } from "./reading.ts";

/** What the exporter counts of itself. */
export class OwnMetrics {
  readonly #scrapes = new Counter({
    name: "velos_exporter_scrapes_total",
    help: "Scrapes that were answered, by whether velosd was reached.",
    labelNames: ["velosd"],
    registers: [],
  });
  readonly #duration = new Histogram({
    name: "velos_exporter_scrape_duration_seconds",
    help: "From a scrape's request to its text, velosd's part included; the scrape that asks is not in it yet.",
    buckets: [...latencyBounds],
    registers: [],
  });
  readonly #memory = new Gauge({
    name: "velos_exporter_memory_bytes",
    help: "Resident memory of the exporter.",
    registers: [],
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });

  constructor() {
    for (const velosd of ["up", "down"]) this.#scrapes.inc({ velosd }, 0);
  }

  scraped(isUp: boolean, seconds: number): void {
    this.#scrapes.inc({ velosd: isUp ? "up" : "down" });
    this.#duration.observe(seconds);
  }

  readings(): Reading[] {
    return [this.#scrapes, this.#duration, this.#memory].map((metric) => {
      const { name, help, type } = metric as unknown as Pick<Reading, "name" | "help" | "type">;
      return { name, help, type, values: async () => (await metric.get()).values };
    });
  }
}
