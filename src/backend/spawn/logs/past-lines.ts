import type { LogLine, LogQuery } from "../../backend.ts";
import { BackwardReader } from "./backward-reader.ts";
import type { LineFilter } from "./line-filter.ts";
import { lineTime } from "./line-time.ts";
import type { LogFile } from "./log-file.ts";
import type { Mark } from "./marks.ts";
import { timeAt } from "./marks.ts";

/** The matching lines of one log, the latest first, with their times. */
class PastLog {
  readonly index: number;
  /** The line at hand; undefined: there is none left. */
  line: LogLine | undefined;
  readonly #reader: BackwardReader;
  readonly #marks: Mark[];
  readonly #query: LogQuery;
  readonly #filter: LineFilter;
  readonly #now: number;
  #notAfter = Infinity;

  constructor(index: number, file: LogFile, end: number, query: LogQuery, filter: LineFilter, now: number) {
    this.index = index;
    this.#reader = new BackwardReader(file.segments(), end);
    this.#marks = file.marks.load();
    this.#query = query;
    this.#filter = filter;
    this.#now = now;
  }

  /** Goes back to the matching line before. */
  async goBack(signal: AbortSignal): Promise<void> {
    const { since, until, app } = this.#query;
    const isTimed = since !== undefined || until !== undefined;
    while (!signal.aborted) {
      const raw = await this.#reader.previous();
      if (raw === undefined) break;
      const match = this.#filter(raw.text);
      if (match === undefined && !isTimed) continue;
      // Never later than the line after it, so that a stack trace stays below its first line.
      const seen = timeAt(this.#marks, raw.end, this.#now);
      const atMs = (this.#notAfter = Math.min(this.#notAfter, lineTime(match?.message ?? raw.text, seen)));
      if (since !== undefined && atMs < since) break;
      if (match === undefined || (until !== undefined && atMs > until)) continue;
      this.line = { at: Math.round(atMs * 1000), app, index: this.index, stream: "unknown", ...match };
      return;
    }
    this.line = undefined;
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

/** A log to be read, up to a position. */
export interface PastSource {
  index: number;
  file: LogFile;
  end: number;
}

/**
 * The last `query.lines` lines that match, of all logs together, oldest first. Reads backwards and no further than it
 * has to; about 100 MB a second when nothing matches. Ended by the signal, it gives what it has found. To be called under
 * the mutex of every file.
 */
export const pastLines = async (
  sources: readonly PastSource[],
  query: LogQuery,
  filter: LineFilter,
  now: number,
  signal: AbortSignal,
): Promise<LogLine[]> => {
  const logs = sources.map(({ index, file, end }) => new PastLog(index, file, end, query, filter, now));
  const lines: LogLine[] = [];
  try {
    if (query.lines > 0) await Promise.all(logs.map((log) => log.goBack(signal)));
    while (lines.length < query.lines) {
      let latest: PastLog | undefined;
      for (const log of logs) {
        if (log.line !== undefined && (latest?.line === undefined || log.line.at >= latest.line.at)) latest = log;
      }
      if (latest?.line === undefined) break;
      lines.push(latest.line);
      await latest.goBack(signal);
    }
  } finally {
    await Promise.all(logs.map((log) => log.close()));
  }
  return lines.reverse();
};
