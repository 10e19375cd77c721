import type { OwnMetrics } from "./own-metrics.ts";
import type { Collector, Sample } from "./collector.ts";
import { AppText } from "./app-text.ts";
import { daemonReadings } from "./daemon-readings.ts";
import type { Format } from "./exposition.ts";
import { InstanceText } from "./instance-text.ts";
import type { Reading } from "./reading.ts";
import { readingsText } from "./reading.ts";

const scrapeReadings = ({ snapshot, seconds }: Sample): Reading[] => {
  const collection = snapshot?.collection;
  const isMeasured = collection !== undefined && (collection.failed === 0 || collection.failed < running(snapshot!));
  const byCollector = (velosd: number, instances: number | undefined) => () => [
    { value: velosd, labels: { collector: "velosd" } },
    ...(instances === undefined ? [] : [{ value: instances, labels: { collector: "instances" } }]),
  ];
  return [
    {
      name: "velos_up",
      help: "1 when velosd answered, 0 when nothing but this is known.",
      type: "gauge",
      values: () => [{ value: Number(snapshot !== undefined), labels: {} }],
    },
    {
      name: "velos_scrape_collector_success",
      help: "1 when the collector did its part: velosd answered, the instances' figures could be read.",
      type: "gauge",
      values: byCollector(Number(snapshot !== undefined), Number(isMeasured)),
    },
    {
      name: "velos_scrape_collector_duration_seconds",
      help: "How long the collector took: the whole answer of velosd, and in it the reading of the instances.",
      type: "gauge",
      values: byCollector(seconds, collection?.seconds),
    },
  ];
};

const running = ({ apps }: NonNullable<Sample["snapshot"]>): number => apps.reduce((sum, app) => sum + app.running, 0);

/** The text of a scrape. Scrapes that come together share one sample, and one rendering of it in each format. */
export class Page {
  readonly #collector: Collector;
  readonly #own: OwnMetrics;
  readonly #instances = new InstanceText();
  readonly #apps = new AppText();
  #rendered: { sample: Sample; texts: Map<Format, Promise<Buffer>> } | undefined;

  constructor(collector: Collector, own: OwnMetrics) {
    [this.#collector, this.#own] = [collector, own];
  }

  async render(format: Format): Promise<Buffer> {
    const began = performance.now();
    const sample = await this.#collector.sample();
    if (this.#rendered?.sample !== sample) this.#rendered = { sample, texts: new Map() };
    const { texts } = this.#rendered;
    const text = texts.get(format) ?? this.#text(sample, format);
    texts.set(format, text);
    const bytes = await text;
    this.#own.scraped(sample.snapshot !== undefined, (performance.now() - began) / 1000);
    return bytes;
  }

  async #text(sample: Sample, format: Format): Promise<Buffer> {
    const { snapshot } = sample;
    const readings = [
      ...scrapeReadings(sample),
      ...(snapshot ? daemonReadings(snapshot) : []),
      ...this.#own.readings(),
    ];
    const bytes: Buffer[] = [Buffer.from(await readingsText(readings, format))];
    if (snapshot) {
      bytes.push(Buffer.from(this.#apps.render(snapshot, format)), ...this.#instances.render(snapshot, format));
    }
    if (format === "openmetrics") bytes.push(Buffer.from("# EOF\n"));
    return Buffer.concat(bytes);
  }
}
