import type { RawData } from "ws";
import * as Value from "typebox/value";
import { misfitOf } from "../../api/misfit-of.ts";
import type { ClientMessage, MessageOf, Topic } from "../../api/push-messages.ts";
import { ClientMessageSchema, PingSchema, SubscribeSchema, UnsubscribeSchema } from "../../api/push-messages.ts";
import { VelosError } from "../../domain/errors.ts";
import { toVelosError } from "../problem.ts";
import type { Services } from "../services.ts";
import type { Batch } from "./followers.ts";
import { textFrame } from "./frame.ts";
import type { Hub } from "./hub.ts";
import { logLines } from "./log-lines.ts";
import type { Subscriber } from "./subscriber.ts";

/** Topics that one client may have. */
const MAX_TOPICS = 64;
/** Messages that one client may send within a second. */
const MAX_MESSAGES = 50;

/** Where a client says that it was. */
export interface Position {
  session: string;
  seq: number;
}

/** Serves one client of the WebSocket, from its hello on. */
export class Service {
  readonly #services: Services;
  readonly #hub: Hub;
  readonly #subscriber: Subscriber;
  #second = 0;
  #messages = 0;

  constructor(services: Services, hub: Hub, subscriber: Subscriber) {
    [this.#services, this.#hub, this.#subscriber] = [services, hub, subscriber];
  }

  /** Says hello, and tells what there is, or what was missed. */
  begin(position: Position | undefined): void {
    const { version, scope } = this.#services;
    const missed = position?.session === this.#hub.session ? this.#hub.missed(position.seq) : undefined;
    const { client, topics } = this.#subscriber;
    for (const topic of ["processes", "metrics"]) topics.set(topic, () => {});
    this.#subscriber.send({
      type: "hello",
      at: Date.now(),
      session: this.#hub.session,
      version,
      scope,
      access: client.access,
      client: client.name,
      resumed: missed !== undefined,
      topics: [...topics.keys()],
    });
    this.#subscriber.write(missed ? Buffer.concat(missed) : this.#hub.snapshot());
    this.#hub.join(this.#subscriber);
  }

  /** Does what a message asks for. Whatever it says, only its sender hears of it. */
  take(data: RawData, isBinary: boolean): void {
    if (this.#isTooMuch()) return this.#subscriber.close(1008, `more than ${MAX_MESSAGES} messages in a second`);
    let id: ClientMessage["id"];
    try {
      if (isBinary) throw invalid("messages are text", "");
      const message = parse(textOf(data));
      id = message.id;
      if ("ping" in message) {
        this.#subscriber.send({ type: "pong", at: Date.now(), ...(id !== undefined && { id }) });
        return;
      }
      if ("subscribe" in message) this.#subscribe(message);
      else for (const topic of message.unsubscribe) this.#leave(topic);
      const topics = [...this.#subscriber.topics.keys()];
      this.#subscriber.send({ type: "subscribed", topics, ...(id !== undefined && { id }) });
    } catch (error) {
      this.#refuse(error, id === undefined ? {} : { id });
    }
  }

  #subscribe(message: Extract<ClientMessage, { subscribe: Topic[] }>): void {
    const { topics } = this.#subscriber;
    const wanted = new Set([...topics.keys(), ...message.subscribe]);
    if (wanted.size > MAX_TOPICS) throw invalid(`a client may have ${MAX_TOPICS} topics`, "/subscribe");
    for (const topic of new Set(message.subscribe)) {
      if (topic === "metrics") {
        this.#subscriber.metricsEvery = Math.max(1, Math.round((message.interval ?? 1000) / 1000));
        topics.set(topic, () => {});
      } else if (topic === "processes") {
        if (topics.has(topic)) continue;
        this.#subscriber.write(this.#hub.snapshot());
        topics.set(topic, () => {});
      } else {
        this.#leave(topic);
        const control = new AbortController();
        topics.set(topic, () => control.abort());
        void this.#followLog(topic, message, control);
      }
    }
  }

  #leave(topic: Topic): void {
    this.#subscriber.topics.get(topic)?.();
    this.#subscriber.topics.delete(topic);
  }

  async #followLog(
    topic: Topic,
    { id, lines, level, cursor }: Extract<ClientMessage, { subscribe: Topic[] }>,
    control: AbortController,
  ): Promise<void> {
    const params = {
      selectors: [topic.slice("logs:".length)],
      lines: lines ?? (cursor === undefined ? 0 : 10_000),
      ...(level !== undefined && { level }),
      ...(cursor !== undefined && { cursor }),
    };
    try {
      let skipped = 0;
      for await (const given of logLines(this.#services, params, control.signal)) {
        if (control.signal.aborted) return;
        skipped += given.skipped ?? 0;
        if (this.#subscriber.isBusy) {
          skipped += given.lines.length;
          continue;
        }
        if (skipped > 0) this.#subscriber.send({ type: "skipped", topic, lines: skipped });
        skipped = 0;
        if (given.lines.length > 0) this.#subscriber.write(logFrame(topic, given));
      }
    } catch (error) {
      if (control.signal.aborted) return;
      this.#subscriber.topics.delete(topic);
      this.#refuse(error, { topic, ...(id !== undefined && { id }) });
    }
  }

  #refuse(error: unknown, about: Pick<MessageOf<"error">, "id" | "topic">): void {
    const { code, message, hint } = toVelosError(error);
    this.#subscriber.send({ type: "error", ...about, code, detail: message, ...(hint !== "" && { hint }) });
  }

  #isTooMuch(): boolean {
    const second = Math.floor(performance.now() / 1000);
    this.#messages = second === this.#second ? this.#messages + 1 : 1;
    this.#second = second;
    return this.#messages > MAX_MESSAGES;
  }
}

/** Frames of batches that go to many as they are, by topic. */
const frames = new WeakMap<Batch, Map<Topic, Buffer>>();

const logFrame = (topic: Topic, given: { lines: readonly object[]; cursor?: string; whole?: Batch }): Buffer => {
  const { lines, cursor, whole } = given;
  const make = (text: string | undefined): Buffer =>
    textFrame(JSON.stringify({ type: "log", topic, lines, ...(text !== undefined && { cursor: text }) }));
  if (!whole) return make(cursor);
  const made = frames.get(whole) ?? new Map<Topic, Buffer>();
  frames.set(whole, made);
  const frame = made.get(topic) ?? make(cursor === undefined ? undefined : whole.cursor);
  made.set(topic, frame);
  return frame;
};

const textOf = (data: RawData): string =>
  Buffer.isBuffer(data)
    ? data.toString("utf8")
    : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)]).toString("utf8");

const invalid = (why: string, pointer: string): VelosError =>
  new VelosError("MESSAGE_INVALID", { why, pointer, hint: "/ws.schema.json says what is taken" });

const kinds = { subscribe: SubscribeSchema, unsubscribe: UnsubscribeSchema, ping: PingSchema };

const parse = (text: string): ClientMessage => {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    throw invalid("this is not JSON", "");
  }
  if (Value.Check(ClientMessageSchema, message)) return message;
  // The kind that was meant says more than that it is none of them.
  const meant = Object.entries(kinds).find(
    ([name]) => message !== null && typeof message === "object" && name in message,
  );
  if (!meant) throw invalid("a message has subscribe, unsubscribe or ping", "");
  const { pointer, why } = misfitOf(meant[1], message) ?? { pointer: "", why: "has more than one kind" };
  throw invalid(`${meant[0]}: ${pointer || "/"} ${why}`, pointer);
};
