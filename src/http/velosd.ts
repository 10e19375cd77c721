import { setTimeout as delay } from "node:timers/promises";
import type { CallName, Params, Result, StreamName } from "../api/operations.ts";
import type { Connection } from "../client/connection.ts";
import { VelosError } from "../domain/errors.ts";

export interface VelosdOptions {
  /** @param start whether velosd is started when it is not there */
  connect: (start: boolean) => Promise<Connection>;
  /** Told when velosd is lost or found, once each time. */
  report: (text: string) => void;
}

/** What `live` tells, or that nothing can be told any more. */
export type Live = Result<"live">;

/** The wait between two attempts to find velosd again: it is back within milliseconds, or away for good. */
const FIRST_WAIT_MS = 50;
const LAST_WAIT_MS = 2000;
/** velosd refuses more requests than 256 at a time on one connection; streams have connections of their own. */
const MAX_UNDER_WAY = 200;

/** The connection that serves all calls, or the attempt to make it. */
interface Calls {
  connection: Promise<Connection>;
  /** Whether velosd is started for it. */
  start: boolean;
}

/**
 * velosd, as the server sees it: what it tells, and what can be asked of it. It is found again by itself when it was
 * lost; only somebody's command starts it.
 */
export class Velosd {
  readonly #options: VelosdOptions;
  readonly #closing = new AbortController();
  #calls: Calls | undefined;
  #underWay = 0;
  #watching: Connection | undefined;
  #told: "there" | "lost" | undefined;
  #lost: VelosError | undefined = new VelosError("DAEMON_UNREACHABLE", {
    why: "velos api has just begun",
    hint: "ask again",
  });

  constructor(options: VelosdOptions) {
    this.#options = options;
  }

  /** Why velosd cannot be asked at the moment; undefined when it can. */
  get lost(): VelosError | undefined {
    return this.#lost;
  }

  /** Tells the listener everything, and each change; undefined when velosd was lost. Until `close`. */
  async watch(onItem: (item: Live | undefined) => void): Promise<void> {
    let start = true;
    for (let waitMs = FIRST_WAIT_MS; !this.#closing.signal.aborted;) {
      let connection: Connection | undefined;
      try {
        connection = await this.#options.connect(start);
        this.#watching = connection;
        for await (const item of connection.stream("live", {})) {
          if (this.#closing.signal.aborted) break;
          waitMs = FIRST_WAIT_MS;
          if (this.#told === "lost") this.#options.report("velosd is there");
          this.#told = "there";
          this.#lost = undefined;
          onItem(item);
        }
      } catch (error) {
        if (!this.#closing.signal.aborted) this.#fail(error, () => onItem(undefined));
      } finally {
        connection?.close();
      }
      start = false;
      await delay(waitMs, undefined, { signal: this.#closing.signal }).catch(() => {});
      waitMs = Math.min(waitMs * 2, LAST_WAIT_MS);
    }
  }

  /**
   * Asks velosd. A command starts it when it is not there, as everywhere; a question does not.
   * @throws VelosError as velosd answered; DAEMON_UNREACHABLE, TOO_MANY_REQUESTS
   */
  async call<K extends CallName>(name: K, params: Params<K>, start = false): Promise<Result<K>> {
    if (this.#underWay >= MAX_UNDER_WAY)
      throw new VelosError("TOO_MANY_REQUESTS", { why: `${MAX_UNDER_WAY} requests are under way at velosd` });
    this.#underWay++;
    try {
      return await this.#ask(name, params, start);
    } catch (error) {
      // A question is repeated to the velosd that has come since; a command may have been done, and is not.
      if (start || !isUnreachable(error)) throw error;
      return await this.#ask(name, params, false);
    } finally {
      this.#underWay--;
    }
  }

  /**
   * A stream over a connection of its own, so that one that is not read holds up nothing else. Ends by failing when the
   * signal aborts.
   */
  async *stream<K extends StreamName>(
    name: K,
    params: Params<K>,
    signal: AbortSignal,
  ): AsyncGenerator<Result<K>, void, void> {
    const connection = await this.#options.connect(false);
    const stop = (): void => connection.close();
    signal.addEventListener("abort", stop);
    try {
      if (!signal.aborted) yield* connection.stream(name, params);
    } finally {
      signal.removeEventListener("abort", stop);
      connection.close();
    }
  }

  close(): void {
    this.#closing.abort();
    this.#watching?.close();
    void this.#calls?.connection.then(
      (connection) => connection.close(),
      () => {},
    );
  }

  async #ask<K extends CallName>(name: K, params: Params<K>, start: boolean): Promise<Result<K>> {
    const before = this.#calls;
    const known = await before?.connection.catch(() => undefined);
    // One that has ended since the last question is found here, so that no command is sent into nothing. Who asked at
    // the same time may have found it already, and has connected again for all.
    if (this.#calls === before && known?.isLost !== false) this.#calls = undefined;
    // What a question connects fails where velosd is not there, and a command is to start it.
    if (start && this.#calls !== before && this.#calls?.start === false) return this.#ask(name, params, start);
    const calls = (this.#calls ??= { connection: this.#options.connect(start), start });
    try {
      return await (await calls.connection).call(name, params);
    } catch (error) {
      if (isUnreachable(error) && this.#calls === calls) this.#calls = undefined;
      throw error;
    }
  }

  #fail(error: unknown, tell: () => void): void {
    this.#lost =
      error instanceof VelosError
        ? error
        : new VelosError("DAEMON_UNREACHABLE", { why: (error as Error).message, hint: "is it of the same version?" });
    if (this.#told === "lost") return;
    this.#told = "lost";
    this.#options.report(`${this.#lost.message}; it is waited for`);
    tell();
  }
}

const isUnreachable = (error: unknown): boolean => error instanceof VelosError && error.code === "DAEMON_UNREACHABLE";
