import type { Connection } from "../../client/connection.ts";
import type { LogLevel } from "../../domain/log-level.ts";
import { plainText } from "../../domain/plain-text.ts";
import type { LogBuffer } from "../../fleet/log-buffer.ts";
import { appendLines, emptyLog } from "../../fleet/log-buffer.ts";

interface Options {
  connect: () => Promise<Connection>;
  change: (log: (before: LogBuffer) => LogBuffer) => void;
}

/** Lines that are kept: what fits a tall terminal. */
const LIMIT = 300;
/** Who runs through the list with the arrow keys does not want the log of every row on the way. */
const SETTLE_MS = 120;
const RETRY_MS = 500;

/** The log of what is selected, over a connection of its own that ends when something else is. */
export class LogFeed {
  readonly #options: Options;
  #key: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #end = (): void => {};

  constructor(options: Options) {
    this.#options = options;
  }

  /** Follows it, unless it does so already. */
  follow(selector: string | undefined, level: LogLevel | undefined): void {
    const key = selector === undefined ? undefined : `${selector} ${level ?? ""}`;
    if (key === this.#key) return;
    this.stop();
    this.#key = key;
    if (selector === undefined) return;
    this.#timer = setTimeout(() => this.#begin(selector, level), SETTLE_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#end();
    this.#end = () => {};
    this.#key = undefined;
  }

  #begin(selector: string, level: LogLevel | undefined): void {
    let isOver = false;
    let connection: Connection | undefined;
    this.#end = () => {
      isOver = true;
      connection?.close();
    };
    const take = async (): Promise<void> => {
      connection = await this.#options.connect();
      if (isOver) return connection.close();
      const filter = { selectors: [selector], lines: LIMIT, follow: true, ...(level !== undefined && { level }) };
      const lines = connection.stream("logs", filter);
      this.#options.change(() => emptyLog);
      for await (const line of lines) {
        if (isOver) return;
        const shown = { ...line, message: plainText(line.message) };
        this.#options.change((before) => appendLines(before, [shown], LIMIT));
      }
    };
    take().then(
      () => isOver || this.#again(selector, level),
      // velosd has gone, or the app has: the list says so, and this tries again for as long as it is selected.
      () => isOver || this.#again(selector, level),
    );
  }

  #again(selector: string, level: LogLevel | undefined): void {
    this.#timer = setTimeout(() => this.#begin(selector, level), RETRY_MS);
  }
}
