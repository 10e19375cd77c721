import type { LogLine } from "../backend/backend.ts";
import type { Connection } from "../client/connection.ts";

/** Lines of the past that are read at once: an app writes no more before its log is followed, or after. */
const LINES = 10_000;

/** Prints what the instances write, as it comes, each line once. */
export class Output {
  readonly #daemon: Connection;
  readonly #print: (line: LogLine) => Promise<void>;
  /** Where the line printed last stands, for each instance. */
  readonly #printed = new Map<string, string>();
  readonly #following = new Map<string, AsyncGenerator<LogLine, void, void>>();

  constructor(daemon: Connection, print: (line: LogLine) => Promise<void>) {
    this.#daemon = daemon;
    this.#print = print;
  }

  /** Follows an app from its first line on; a second time it does nothing. */
  follow(app: string): void {
    if (this.#following.has(app)) return;
    const lines = this.#daemon.stream("logs", { selectors: [app], lines: LINES, follow: true, places: true });
    this.#following.set(app, lines);
    void this.#printAll(app);
  }

  async #printAll(app: string): Promise<void> {
    const lines = this.#following.get(app)!;
    try {
      for await (const line of lines) {
        if (this.#following.get(app) !== lines) return;
        await this.#show(line);
      }
    } catch {
      // The connection is gone, or the app: `finish` reads what is left, where anything is.
    }
  }

  /** Prints what was written and has not been printed yet, and follows nothing any more. To be called when all is over. */
  async finish(apps: readonly string[]): Promise<void> {
    this.#following.clear();
    for (const app of apps) {
      const lines: LogLine[] = [];
      const past = this.#daemon.stream("logs", { selectors: [app], lines: LINES, follow: false, places: true });
      for await (const line of past) lines.push(line);
      const begin = new Map<number, number>();
      for (const [position, { index, place }] of lines.entries()) {
        if (place !== undefined && place === this.#printed.get(`${app}:${index}`)) begin.set(index, position);
      }
      for (const [position, line] of lines.entries()) {
        if (position > (begin.get(line.index) ?? -1)) await this.#show(line);
      }
    }
  }

  async #show(line: LogLine): Promise<void> {
    if (line.place !== undefined) this.#printed.set(`${line.app}:${line.index}`, line.place);
    await this.#print(line);
  }
}
