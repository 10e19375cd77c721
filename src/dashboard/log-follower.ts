import { signal } from "@preact/signals";
import type { ClientMessage, MessageOf } from "../api/push-messages.ts";
import type { LogLevel } from "../domain/log-level.ts";
import { plainText } from "../domain/plain-text.ts";
import type { LogBuffer, LogLine } from "../fleet/log-buffer.ts";
import { appendLines, emptyLog } from "../fleet/log-buffer.ts";

/** Lines that are kept: more than anybody scrolls through, and a browser lays out at ease. */
const LIMIT = 2000;
/** Lines of the past that are asked for at first. */
const PAST = 300;
/** Lines that come together are shown together: a flood must not take the page all its time. */
const GATHER_MS = 100;

type LogMessage = MessageOf<"log"> | MessageOf<"skipped"> | MessageOf<"error"> | MessageOf<"subscribed">;

/** What is followed: `logs:api` or `logs:api:2`, at least this severe. */
interface Followed {
  topic: string;
  level: LogLevel | undefined;
}

/** Follows the log of one app or instance at a time, over connections that come and go. */
export class LogFollower {
  readonly buffer = signal<LogBuffer>(emptyLog);
  /** Why there is nothing to follow. */
  readonly failure = signal<string | undefined>(undefined);
  #followed: Followed | undefined;
  readonly #send: (message: ClientMessage) => void;
  /** Answers to earlier subscriptions are still on their way: their lines are not of this one. */
  #generation = 0;
  #confirmed = 0;
  #gathered: LogLine[] = [];
  #cursor: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (message: ClientMessage) => void) {
    this.#send = send;
  }

  /** Follows something else: the lines of before go. */
  follow(selector: string, level: LogLevel | undefined): void {
    this.stop();
    this.#followed = { topic: `logs:${selector}`, level };
    this.#subscribe(PAST);
  }

  /** Follows nothing any more. */
  stop(): void {
    if (this.#followed) this.#send({ unsubscribe: [this.#followed.topic] });
    this.#followed = undefined;
    this.#generation++;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#gathered = [];
    this.#cursor = undefined;
    this.buffer.value = emptyLog;
    this.failure.value = undefined;
  }

  /** Goes on where it was, on a new connection. */
  reopen(): void {
    if (this.#followed) this.#subscribe(LIMIT);
  }

  take(message: LogMessage): void {
    switch (message.type) {
      case "subscribed":
        if (typeof message.id === "number") this.#confirmed = message.id;
        return;
      case "error":
        if (message.topic !== undefined && message.topic === this.#followed?.topic && this.#isCurrent(message.id))
          this.failure.value = message.hint ? `${message.detail}; ${message.hint}` : message.detail;
        return;
      case "skipped":
        if (message.topic === this.#followed?.topic)
          this.buffer.value = { ...this.buffer.value, skipped: this.buffer.value.skipped + message.lines };
        return;
      case "log": {
        if (message.topic !== this.#followed?.topic || this.#confirmed !== this.#generation) return;
        this.#gathered.push(...message.lines);
        this.#cursor = message.cursor;
        this.#timer ??= setTimeout(() => this.#show(), GATHER_MS);
      }
    }
  }

  #show(): void {
    this.#timer = undefined;
    const lines = this.#gathered.map((line) => ({ ...line, message: plainText(line.message) }));
    this.#gathered = [];
    this.buffer.value = appendLines(this.buffer.value, lines, LIMIT);
  }

  #isCurrent(id: number | string | undefined): boolean {
    return id === undefined || id === this.#generation;
  }

  #subscribe(lines: number): void {
    const { topic, level } = this.#followed!;
    const cursor = this.#cursor;
    this.failure.value = undefined;
    this.#send({
      subscribe: [topic],
      id: ++this.#generation,
      lines: cursor === undefined ? PAST : lines,
      ...(level !== undefined && { level }),
      ...(cursor !== undefined && { cursor }),
    });
  }
}
