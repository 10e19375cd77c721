import type { VelosEvent } from "../controller/events.ts";
import type { FinishedSpan, SpanEvent, SpanSink } from "./span-sink.ts";

/** How long a span waits for the changes of state in it: they are announced after the look that ends it. */
const WAIT_MS = 50;
/** Spans that may wait so. */
const MOST = 512;
/** Changes of state that are remembered of each instance. */
const REMEMBERED = 24;

type Outgoing = FinishedSpan & { instance?: string };

/** Gives spans to the sink, each with the changes of state of its instance while it lasted. */
export class Outbox {
  readonly #sink: SpanSink;
  #waiting: Outgoing[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #changes = new Map<string, SpanEvent[]>();

  constructor(sink: SpanSink) {
    this.#sink = sink;
  }

  /** @param instance `api:2`: the changes of its state become events of the span */
  add(span: FinishedSpan, instance?: string): void {
    this.#waiting.push({ ...span, ...(instance !== undefined && { instance }) });
    if (this.#waiting.length >= MOST) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), WAIT_MS).unref();
  }

  /** Remembers a change of state; forgets what belongs to an app that is deleted. */
  take(event: VelosEvent): void {
    if (event.type === "app" && event.change === "deleted") {
      this.flush();
      for (const key of this.#changes.keys()) if (key.startsWith(`${event.app}:`)) this.#changes.delete(key);
    }
    if (event.type !== "instance") return;
    const { app, index, at, status, previous } = event;
    const key = `${app}:${index}`;
    const changes = this.#changes.get(key) ?? [];
    const attributes = { "velos.instance.status": status, "velos.instance.status.previous": previous };
    changes.push({ name: "velos.instance.status", at, attributes });
    if (changes.length > REMEMBERED) changes.shift();
    this.#changes.set(key, changes);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const spans = this.#waiting;
    this.#waiting = [];
    for (const { instance, ...span } of spans) {
      const during = (this.#changes.get(instance ?? "") ?? []).filter(
        ({ at }) => at >= span.from && at <= span.to + WAIT_MS,
      );
      const events = [...(span.events ?? []), ...during].sort((a, b) => a.at - b.at);
      this.#sink.add({ ...span, events });
    }
  }
}
