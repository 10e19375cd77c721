import type { MetricsSnapshot } from "../api/metrics-schema.ts";
import type { Connection } from "../client/connection.ts";

/** What a scrape found. */
export interface Sample {
  /** Undefined when velosd was not reached in time. */
  snapshot: MetricsSnapshot | undefined;
  /** How long it took. */
  seconds: number;
}

export interface CollectorOptions {
  connect: () => Promise<Connection>;
  /** A scrape is answered after this long, whatever velosd does. */
  timeoutMs: number;
  /** Told when velosd is lost or found, once each time. */
  report?: (text: string) => void;
}

/**
 * Asks velosd, over one connection that is made again when it is lost. Scrapes that come while a request is under way
 * share it; so does the next one when velosd hangs, which leaves it with one request to answer instead of a heap.
 */
export class Collector {
  readonly #options: CollectorOptions;
  #connection: Connection | undefined;
  #underWay: Promise<Sample> | undefined;
  #lostBecause: string | undefined;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** Never fails. */
  async sample(): Promise<Sample> {
    const { timeoutMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Sample>((resolve) => {
      timer = setTimeout(() => {
        this.#lost(`it did not answer within ${timeoutMs / 1000} s`);
        resolve({ snapshot: undefined, seconds: timeoutMs / 1000 });
      }, timeoutMs);
    });
    this.#underWay ??= this.#ask().finally(() => (this.#underWay = undefined));
    const sample = await Promise.race([this.#underWay, late]);
    clearTimeout(timer);
    return sample;
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #ask(): Promise<Sample> {
    const began = performance.now();
    const seconds = (): number => (performance.now() - began) / 1000;
    try {
      const isOld = this.#connection !== undefined;
      this.#connection ??= await this.#options.connect();
      const snapshot = await this.#call(this.#connection, isOld);
      if (this.#lostBecause !== undefined) this.#options.report?.("velosd is there");
      this.#lostBecause = undefined;
      return { snapshot, seconds: seconds() };
    } catch (error) {
      this.close();
      this.#lost((error as Error).message);
      return { snapshot: undefined, seconds: seconds() };
    }
  }

  async #call(connection: Connection, isOld: boolean): Promise<MetricsSnapshot> {
    try {
      return await connection.call("metrics", {});
    } catch (error) {
      // A velosd that was restarted since the last scrape is there again: it only has to be asked over a new connection.
      if (!isOld || (error as { code?: string }).code !== "DAEMON_UNREACHABLE") throw error;
      this.close();
      this.#connection = await this.#options.connect();
      return this.#connection.call("metrics", {});
    }
  }

  #lost(why: string): void {
    if (this.#lostBecause === undefined) this.#options.report?.(`velos_up is 0: ${why}`);
    this.#lostBecause = why;
  }
}
