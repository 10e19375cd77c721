import type { LogLine, LogQuery } from "../../backend.ts";
import { BackwardReader } from "./backward-reader.ts";
import type { LineFilter } from "./line-filter.ts";
import { lineTime } from "./line-time.ts";
import type { LogFile } from "./log-file.ts";
import type { Mark } from "./marks.ts";
import { timeAt } from "./marks.ts";
import { placeOf, readPlaces } from "./place.ts";

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
  /** Position up to which it was read before. */
  readonly #read: number | undefined;
  #notAfter = Infinity;

  constructor(
    { index, file, end }: PastSource,
    query: LogQuery,
    filter: LineFilter,
    now: number,
    read: number | undefined,
  ) {
    this.index = index;
    // Beyond the end: the log was dropped meanwhile, and began again.
    this.#read = read !== undefined && read <= end ? read : undefined;
    this.#reader = new BackwardReader(file.segments(), end);
    this.#marks = file.marks.load();
    this.#query = query;
    this.#filter = filter;
    this.#now = now;
  }

  /** Goes back to the matching line before. */
  async goBack(signal: AbortSignal): Promise<void> {
    const { since, until, app, after } = this.#query;
    // An instance of which no line was given before: only what is later than those of the others.
    const afterAt = after && this.#read === undefined ? after.at / 1000 : undefined;
    const isTimed = since !== undefined || until !== undefined || afterAt !== undefined;
    while (!signal.aborted) {
      const raw = await this.#reader.previous();
      if (raw === undefined || (this.#read !== undefined && raw.end <= this.#read)) break;
      const match = this.#filter(raw.text);
      if (match === undefined && !isTimed) continue;
      // Never later than the line after it, so that a stack trace stays below its first line.
      const seen = timeAt(this.#marks, raw.end, this.#now);
      const atMs = (this.#notAfter = Math.min(this.#notAfter, lineTime(match?.message ?? raw.text, seen)));
      if ((since !== undefined && atMs < since) || (afterAt !== undefined && atMs <= afterAt)) break;
      if (match === undefined || (until !== undefined && atMs > until)) continue;
      const place = placeOf(this.index, raw.end);
      this.line = { at: Math.round(atMs * 1000), app, index: this.index, stream: "unknown", ...match, place };
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
 * The last `query.lines` lines that match, of all logs together, oldest first; with `query.after` the first ones after
 * that. Reads backwards and no further than it has to; about 100 MB a second when nothing matches. Ended by the signal,
 * or when `query.patienceMs` is over, it gives what it has found. To be called under the mutex of every file.
 * @throws VelosError CURSOR_INVALID
 */
export const pastLines = async (
  sources: readonly PastSource[],
  query: LogQuery,
  filter: LineFilter,
  now: number,
  signal: AbortSignal,
): Promise<LogLine[]> => {
  if (query.lines === 0) return [];
  const read = query.after && readPlaces(query.after.places);
  const logs = sources.map((source) => new PastLog(source, query, filter, now, read?.get(source.index)));
  // What comes after a place is found by going back to it, and is not to be given in parts.
  const mayGiveUp = query.patienceMs !== undefined && query.after === undefined;
  const patience = mayGiveUp ? AbortSignal.timeout(query.patienceMs!) : undefined;
  const ended = patience ? AbortSignal.any([signal, patience]) : signal;
  let lines: LogLine[] = [];
  try {
    await Promise.all(logs.map((log) => log.goBack(ended)));
    while (query.after !== undefined || lines.length < query.lines) {
      let latest: PastLog | undefined;
      for (const log of logs) {
        if (log.line !== undefined && (latest?.line === undefined || log.line.at >= latest.line.at)) latest = log;
      }
      if (latest?.line === undefined) break;
      lines.push(latest.line);
      // On the way back to the place, the last ones found are the first after it.
      if (lines.length >= 2 * query.lines) lines = lines.slice(-query.lines);
      await latest.goBack(ended);
    }
  } finally {
    await Promise.all(logs.map((log) => log.close()));
  }
  if (patience?.aborted === true && !signal.aborted) query.gaveUp?.();
  return lines.slice(-query.lines).reverse();
};
