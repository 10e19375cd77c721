import { connect } from "node:net";
import type { Duplex } from "node:stream";
import type { RpcMessage, RpcNotification } from "../api/frames.ts";
import { readFrames, writeFrame } from "../api/frames.ts";
import type { CallName, Params, Result, StreamName } from "../api/operations.ts";
import { VelosError } from "../domain/errors.ts";

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
  item?: (item: unknown) => void;
}

/** A connection to velosd: typed calls and streams. */
export class Connection {
  readonly #socket: Duplex;
  readonly #closed: () => void;
  readonly #waiting = new Map<number | string, Waiting>();
  #nextId = 1;
  #lost: VelosError | undefined;
  #heard = false;

  private constructor(socket: Duplex, closed: () => void) {
    this.#socket = socket;
    this.#closed = closed;
    readFrames(
      socket,
      (text) => this.#take(JSON.parse(text) as RpcMessage),
      () => socket.destroy(),
    );
    socket.on("error", (error) => this.#fail(error.message));
    socket.on("close", () => this.#fail("it closed the connection"));
  }

  /** @throws the error of connect(2), with its `code` */
  static async open(path: string): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Connection(socket, () => socket.unref()));
      });
    });
  }

  /** A connection over a stream that somebody else has opened. @param closed is called when it is closed here */
  static over(stream: Duplex, closed: () => void): Connection {
    return new Connection(stream, closed);
  }

  /** @throws VelosError as velosd answered, or DAEMON_UNREACHABLE when the connection is lost meanwhile */
  async call<K extends CallName>(name: K, params: Params<K>): Promise<Result<K>> {
    return this.#request(name, params).done as Promise<Result<K>>;
  }

  /** The items of a stream, until it ends or the caller stops taking them. */
  async *stream<K extends StreamName>(name: K, params: Params<K>): AsyncGenerator<Result<K>, void, void> {
    const queue: Result<K>[] = [];
    let wake: (() => void) | undefined;
    const state: { ended: boolean; error?: Error } = { ended: false };
    const { id, done } = this.#request(name, params, (item) => {
      queue.push(item as Result<K>);
      // A reader that does not keep up pauses the socket, and velosd with it.
      if (queue.length > 1000) this.#socket.pause();
      wake?.();
    });
    done.then(
      () => {
        state.ended = true;
        wake?.();
      },
      (error: Error) => {
        state.ended = true;
        state.error = error;
        wake?.();
      },
    );
    try {
      for (;;) {
        const item = queue.shift();
        if (item !== undefined) {
          yield item;
          continue;
        }
        this.#socket.resume();
        if (state.error) throw state.error;
        if (state.ended) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      if (!state.ended) void writeFrame(this.#socket, { jsonrpc: "2.0", method: "cancel", params: { id } });
    }
  }

  /**
   * Asks why, again and again, for as long as nothing at all was heard: the service manager takes connections for a velosd
   * that is not there yet, and that may never come.
   */
  watchSilence(everyMs: number, why: () => Promise<"serves" | "starting" | VelosError>): void {
    const look = async (): Promise<void> => {
      if (this.#heard || this.#lost) return;
      const found = await why();
      if (found instanceof VelosError) this.#fail(found);
      else if (found === "starting") this.watchSilence(everyMs, why);
    };
    setTimeout(() => void look(), everyMs).unref();
  }

  /** True when nothing can be asked over it any more. */
  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  close(): void {
    this.#socket.end();
    this.#closed();
  }

  #request(method: string, params: unknown, item?: (item: unknown) => void): { id: number; done: Promise<unknown> } {
    const id = this.#nextId++;
    const done = new Promise<unknown>((resolve, reject) => {
      if (this.#lost) return reject(this.#lost);
      this.#waiting.set(id, { resolve, reject, ...(item && { item }) });
      void writeFrame(this.#socket, { jsonrpc: "2.0", id, method, params });
    });
    return { id, done };
  }

  #take(message: RpcMessage): void {
    this.#heard = true;
    if ("method" in message) {
      const { id, item } = (message as RpcNotification).params;
      this.#waiting.get(id)?.item?.(item);
      return;
    }
    const { id, result, error } = message;
    if (id === null) return this.#fail(error?.message ?? "it did not understand");
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(VelosError.fromData(error.data, error.message));
    else waiting?.resolve(result);
  }

  #fail(why: string | VelosError): void {
    this.#lost ??=
      why instanceof VelosError
        ? why
        : new VelosError("DAEMON_UNREACHABLE", {
            why,
            hint: "repeat the command: it starts velosd again and goes on where it was; no application is touched by that",
          });
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
    this.#waiting.clear();
  }
}
