import type { Attributes, Link } from "@opentelemetry/api";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Delivery } from "./delivery.ts";
import { MOST_SPANS } from "./delivery.ts";
import type { Place } from "./place.ts";
import { newPlace, spanContext } from "./place.ts";

/** Something at one moment of a span. */
export interface SpanEvent {
  name: string;
  at: number;
  attributes?: Attributes;
}

/** A span that is over; times in milliseconds since the epoch. */
export interface FinishedSpan {
  name: string;
  place: Place;
  parent?: Place | undefined;
  from: number;
  to: number;
  attributes: Attributes;
  events?: readonly SpanEvent[];
  links?: readonly Place[];
  /** What went wrong, for its status. */
  error?: string | undefined;
}

/** Small batches, since each is written in one go. */
const BATCH_SIZE = 128;
const DELAY_MS = 1000;
/** An event or a link says how to read a span; a thousand of them say nothing. */
const limits = { attributeValueLengthLimit: 1024, eventCountLimit: 32, linkCountLimit: 8 };

export interface SpanSinkOptions {
  exporter: SpanExporter;
  delivery: Delivery;
  resource: Resource;
  version: string;
}

/** Takes spans that are over, with the ids they are to have, and sends them in batches. Bounded in memory. */
export class SpanSink {
  readonly #provider: TracerProvider;
  readonly #delivery: Delivery;
  readonly #tracer;
  #next: Place = newPlace();

  constructor({ exporter, delivery, resource, version }: SpanSinkOptions) {
    this.#delivery = delivery;
    this.#provider = new TracerProvider({
      resource,
      // velosd makes few spans, and whether a rollout is traced is told to instances before it is over.
      sampler: new AlwaysOnSampler(),
      spanLimits: limits,
      idGenerator: { generateTraceId: () => this.#next.traceId, generateSpanId: () => this.#next.spanId },
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: delivery.spans(exporter),
          maxQueueSize: MOST_SPANS,
          maxExportBatchSize: BATCH_SIZE,
          scheduledDelayMillis: DELAY_MS,
        }),
      ],
    });
    this.#tracer = this.#provider.getTracer("velos", version);
  }

  add(finished: FinishedSpan): void {
    if (!this.#delivery.offer()) return;
    const { name, place, parent, from, to, attributes, events = [], links = [], error } = finished;
    this.#next = place;
    const context = parent ? trace.setSpanContext(ROOT_CONTEXT, spanContext(parent)) : ROOT_CONTEXT;
    const span = this.#tracer.startSpan(
      name,
      {
        startTime: from,
        kind: SpanKind.INTERNAL,
        attributes,
        links: links.map((at): Link => ({ context: spanContext(at) })),
        root: parent === undefined,
      },
      context,
    );
    for (const event of events) span.addEvent(event.name, event.attributes ?? {}, event.at);
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
    span.end(Math.max(from, to));
  }

  /** Sends what is left. May take as long as the collector does. */
  async close(): Promise<void> {
    await this.#provider.shutdown();
  }
}
