import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { PushMessage, Topic } from "../../api/push-messages.ts";
import type { Client } from "../access/tokens.ts";
import { textFrame } from "./frame.ts";

/** What may wait in this process for a client to read it; the kernel's buffers come on top. */
const MAX_UNREAD_BYTES = 2 * 1024 * 1024;
/** With more than this waiting, what can be left out is. */
const BUSY_BYTES = MAX_UNREAD_BYTES / 4;
/** How long a client that was told to go may take to do so. */
const LEAVE_MS = 5000;

/** One client of the WebSocket. */
export class Subscriber {
  readonly client: Client;
  /** Topics, and what ends each of them. */
  readonly topics = new Map<Topic, () => void>();
  /** Seconds between two messages of metrics. */
  metricsEvery = 1;
  /** False: pings were not answered. */
  isAlive = true;
  readonly #socket: WebSocket;
  readonly #raw: Socket;
  #allowed = MAX_UNREAD_BYTES;
  readonly #done = new AbortController();

  constructor(socket: WebSocket, raw: Socket, client: Client) {
    [this.#socket, this.#raw, this.client] = [socket, raw, client];
    socket.once("close", () => this.#end());
  }

  /** Aborts when the client is gone, or was told to go. */
  get gone(): AbortSignal {
    return this.#done.signal;
  }

  /** True while it reads more slowly than it is told. */
  get isBusy(): boolean {
    return this.#raw.writableLength > BUSY_BYTES;
  }

  send(message: PushMessage): void {
    this.write(textFrame(JSON.stringify(message)));
  }

  /** Writes frames that are made already. A client that does not read is told to go, and told nothing more. */
  write(frames: Buffer): void {
    if (this.gone.aborted || this.#socket.readyState !== this.#socket.OPEN) return;
    const unread = this.#raw.writableLength;
    // What is one write, as the snapshot of many apps, does not count against who has just begun to read it.
    if (unread <= MAX_UNREAD_BYTES)
      this.#allowed = MAX_UNREAD_BYTES + Math.max(0, frames.length - MAX_UNREAD_BYTES / 4);
    this.#raw.write(frames);
    if (unread > this.#allowed) this.close(1013, `too slow: more than ${MAX_UNREAD_BYTES} bytes were not read`);
  }

  ping(): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  /** Says goodbye with a code and a reason, and does not wait long. */
  close(code: number, reason: string): void {
    if (this.gone.aborted) return;
    this.#end();
    this.#socket.close(code, reason);
    const timer = setTimeout(() => this.#socket.terminate(), LEAVE_MS);
    this.#socket.once("close", () => clearTimeout(timer));
  }

  terminate(): void {
    this.#end();
    this.#socket.terminate();
  }

  #end(): void {
    this.#done.abort();
    for (const end of this.topics.values()) end();
    this.topics.clear();
  }
}
