import type { PushMetricExporter } from "@opentelemetry/sdk-metrics";
import type { SpanExporter } from "@opentelemetry/sdk-trace";

/** What exporters call success; the enumeration is in a package that they have for themselves. */
const isSuccess = ({ code }: { code: number }): boolean => code === 0;

/** Spans that may wait for the collector: some 3 MB. What comes when there are as many is lost. */
export const MOST_SPANS = 1024;

/** How it goes with the collector. Says it when that changes, and not at each failure. */
export class Delivery {
  sent = 0;
  lost = 0;
  /** Spans that were offered, and of which it is not known yet. */
  waiting = 0;
  #problem: string | undefined;
  #hasBegun = false;
  readonly #report: (line: string) => void;
  readonly #where: string;

  /** @param where the collector, for the log */
  constructor(where: string, report: (line: string) => void) {
    [this.#where, this.#report] = [where, report];
  }

  /** Why the last batch was not taken; undefined when it was, or there was none yet. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** True when there is room for a span; else it is lost. */
  offer(): boolean {
    if (this.waiting >= MOST_SPANS) {
      this.lost++;
      return false;
    }
    this.waiting++;
    return true;
  }

  ok(): void {
    this.#hasBegun = true;
    if (this.#problem !== undefined) this.#report(`telemetry: ${this.#where} takes it again`);
    this.#problem = undefined;
  }

  failed(error: Error | undefined): void {
    this.#hasBegun = true;
    const why = reasonOf(error);
    if (this.#problem === undefined) this.#report(`telemetry: ${this.#where} does not take it: ${why}`);
    this.#problem = why;
  }

  /** The exporter, watched. */
  spans(exporter: SpanExporter): SpanExporter {
    return {
      export: (spans, done) =>
        exporter.export(spans, (result) => {
          this.waiting -= spans.length;
          if (isSuccess(result)) this.sent += spans.length;
          else this.lost += spans.length;
          this.#note(result);
          done(result);
        }),
      shutdown: () => exporter.shutdown(),
    };
  }

  /** The exporter, watched; metrics are not counted, since the next ones replace them. */
  metrics(exporter: PushMetricExporter): PushMetricExporter {
    return {
      export: (metrics, done) =>
        exporter.export(metrics, (result) => {
          this.#note(result);
          done(result);
        }),
      forceFlush: () => exporter.forceFlush(),
      shutdown: () => exporter.shutdown(),
    };
  }

  #note(result: { code: number; error?: Error }): void {
    if (isSuccess(result)) this.ok();
    else this.failed(result.error);
  }
}

/** One line; of gRPC the details, which are what says something. */
const reasonOf = (error: Error | undefined): string => {
  const { details, code, message } = (error ?? {}) as { details?: string; code?: string | number; message?: string };
  const text = [details, message, code].find((one) => one !== undefined && one !== "");
  return String(text ?? "no reason given")
    .split("\n")[0]!
    .slice(0, 200);
};
