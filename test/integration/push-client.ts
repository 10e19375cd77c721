import { once } from "node:events";
import { WebSocket } from "ws";
import type { ClientMessage, MessageOf, PushMessage } from "../../src/api/push-messages.ts";

/** A client of the WebSocket that keeps everything it was told, and when. */
export class PushClient {
  readonly messages: (PushMessage & { receivedAt: number })[] = [];
  readonly socket: WebSocket;
  closed: { code: number; reason: string } | undefined;
  #wakes = new Set<() => void>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      this.messages.push({ ...(JSON.parse(data.toString()) as PushMessage), receivedAt: Date.now() });
      for (const wake of this.#wakes) wake();
    });
    socket.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      for (const wake of this.#wakes) wake();
    });
    socket.on("error", () => {});
  }

  /** Connects; a refused handshake fails with its status. */
  static async open(url: string, protocols: string[] = [], headers: Record<string, string> = {}): Promise<PushClient> {
    const socket = new WebSocket(url.replace(/^http/, "ws"), protocols, { headers, rejectUnauthorized: false });
    const client = new PushClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("unexpected-response", (_, response) => reject(new Error(`${response.statusCode}`)));
      socket.once("error", reject);
    });
    return client;
  }

  send(message: ClientMessage): void {
    this.socket.send(JSON.stringify(message));
  }

  of<K extends PushMessage["type"]>(type: K): (MessageOf<K> & { receivedAt: number })[] {
    return this.messages.filter((message) => message.type === type) as unknown as (MessageOf<K> & {
      receivedAt: number;
    })[];
  }

  /** Numbers of everything that is numbered. */
  get seqs(): number[] {
    return this.messages.flatMap((message) => ("seq" in message ? [message.seq] : []));
  }

  /** Waits until something that was told is found. */
  async until<T>(what: string, look: () => T | undefined | false, withinMs = 15_000): Promise<T> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const found = look();
      if (found !== undefined && found !== false) return found;
      const left = deadline - Date.now();
      if (left <= 0) {
        const last = this.messages.slice(-5).map((message) => JSON.stringify(message).slice(0, 300));
        throw new Error(
          `not within ${withinMs / 1000} s: ${what}; the last of ${this.messages.length}:\n${last.join("\n")}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, left);
        const wakes = this.#wakes;
        function done(): void {
          clearTimeout(timer);
          wakes.delete(done);
          resolve();
        }
        wakes.add(done);
      });
    }
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    this.socket.close();
    await once(this.socket, "close");
  }
}
