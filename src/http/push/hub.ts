import { randomBytes } from "node:crypto";
import type { MessageOf, PushMessage } from "../../api/push-messages.ts";
import type { Sample } from "../samples.ts";
import type { Services } from "../services.ts";
import type { Live } from "../velosd.ts";
import { textFrame } from "./frame.ts";
import { Ring } from "./ring.ts";
import type { Subscriber } from "./subscriber.ts";

/** What is kept for who comes back. */
const RING_COUNT = 10_000;
const RING_BYTES = 2 * 1024 * 1024;
/** The longest that a change waits for others that are told with it, so that many clients cost one write each. */
const MAX_GATHER_MS = 40;
/** With so many clients it waits one millisecond. */
const CLIENTS_PER_MS = 25;
const METRICS_MS = 1000;
const PING_MS = 20_000;

/** A change without its number. */
type Change = PushMessage extends infer M ? (M extends { seq: number } ? Omit<M, "seq"> : never) : never;

/** Tells all clients of the WebSocket what velosd tells. Each message is written once for all of them. */
export class Hub {
  readonly session = randomBytes(6).toString("base64url");
  readonly #services: Services;
  readonly #subscribers = new Set<Subscriber>();
  readonly #ring = new Ring(RING_COUNT, RING_BYTES);
  #gathered: Buffer[] = [];
  #timer: NodeJS.Timeout | undefined;
  #tick = 0;
  readonly #metrics: NodeJS.Timeout;
  readonly #pings: NodeJS.Timeout;

  constructor(services: Services) {
    this.#services = services;
    this.#metrics = setInterval(() => void this.#tellMetrics(), METRICS_MS);
    this.#pings = setInterval(() => this.#ping(), PING_MS);
  }

  /** Passes on what velosd tells, after the fleet has taken it over; undefined when velosd was lost. */
  take(item: Live | undefined): void {
    if (item === undefined) {
      const { lost } = this.#services.velosd;
      this.#tell({ type: "velosd", at: Date.now(), connected: false, ...(lost && { why: lost.message }) });
    } else if (item.type !== "snapshot") {
      this.#tell(item);
    } else if (this.#ring.last === 0) {
      // The first one: nobody has been told anything else.
      this.#ring.add(Buffer.alloc(0));
      this.#ring.clear();
      for (const subscriber of this.#listeners()) subscriber.write(this.snapshot());
    } else {
      this.#tell({ type: "velosd", at: Date.now(), connected: true });
      this.#flush();
      this.#ring.add(Buffer.alloc(0));
      // What was told before is no way to what is now.
      this.#ring.clear();
      const frame = this.snapshot();
      for (const subscriber of this.#listeners()) subscriber.write(frame);
    }
  }

  join(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
    subscriber.gone.addEventListener("abort", () => this.#subscribers.delete(subscriber));
  }

  /** Everything that was told after a number; undefined: it is not known any more. */
  missed(seq: number): Buffer[] | undefined {
    this.#flush();
    return this.#ring.after(seq);
  }

  /** The message with everything there is. */
  snapshot(): Buffer {
    // Who gets it next gets nothing that is in it already.
    this.#flush();
    const { fleet, samples, velosd } = this.#services;
    if (samples.latest) fleet.use(samples.latest);
    const { rollouts, problems } = fleet;
    const rest = { at: Date.now(), connected: velosd.lost === undefined, rollouts, problems };
    const apps = fleet.names.map((name) => fleet.text(name)!).join(",");
    return textFrame(
      `{"type":"snapshot","seq":${this.#ring.last},${JSON.stringify(rest).slice(1, -1)},"apps":[${apps}]}`,
    );
  }

  /** Tells everybody to connect again elsewhere or later. */
  close(): void {
    clearInterval(this.#metrics);
    clearInterval(this.#pings);
    clearTimeout(this.#timer);
    for (const subscriber of this.#subscribers) subscriber.close(1001, "velos api ends");
  }

  #listeners(): Subscriber[] {
    return [...this.#subscribers].filter(({ topics }) => topics.has("processes"));
  }

  #tell(change: Change): void {
    const frame = textFrame(JSON.stringify({ ...change, seq: this.#ring.last + 1 }));
    this.#ring.add(frame);
    this.#gathered.push(frame);
    const wait = Math.min(MAX_GATHER_MS, Math.floor(this.#subscribers.size / CLIENTS_PER_MS));
    if (wait === 0) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), wait);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#gathered.length === 0) return;
    const frames = this.#gathered.length === 1 ? this.#gathered[0]! : Buffer.concat(this.#gathered);
    this.#gathered = [];
    for (const subscriber of this.#listeners()) subscriber.write(frames);
  }

  async #tellMetrics(): Promise<void> {
    this.#tick++;
    const due = [...this.#subscribers].filter(
      ({ topics, metricsEvery }) => topics.has("metrics") && this.#tick % metricsEvery === 0,
    );
    if (due.length === 0 || this.#services.velosd.lost) return;
    // velosd may have gone at this moment; that is told by another way.
    const sample = await this.#services.samples.fresh(METRICS_MS / 2).catch(() => undefined);
    if (!sample) return;
    const frame = textFrame(JSON.stringify(metricsMessage(sample)));
    // Figures of now are of no use later: who is behind gets the next ones.
    for (const subscriber of due) if (!subscriber.isBusy) subscriber.write(frame);
  }

  #ping(): void {
    for (const subscriber of this.#subscribers) {
      if (!subscriber.isAlive) subscriber.terminate();
      else {
        subscriber.isAlive = false;
        subscriber.ping();
      }
    }
  }
}

const metricsMessage = ({ at, daemon, instances }: Sample): MessageOf<"metrics"> => ({
  type: "metrics",
  at,
  velosd: {
    memoryBytes: daemon.memoryBytes,
    cpuSeconds: daemon.cpuSeconds,
    uptimeSeconds: daemon.uptimeSeconds,
  },
  instances: Object.fromEntries(instances),
});
