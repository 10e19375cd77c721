import { readdirSync } from "node:fs";
import type { LogLine, LogQuery } from "../../backend.ts";
import { BackwardReader } from "./backward-reader.ts";
import { LogWatch } from "./follow.ts";
import { ForwardReader } from "./forward-reader.ts";
import { lineFilter } from "./line-filter.ts";
import { lineTime } from "./line-time.ts";
import type { LogFile } from "./log-file.ts";
import type { PastSource } from "./past-lines.ts";
import { pastLines } from "./past-lines.ts";
import { placeOf } from "./place.ts";
import { indexOfLog } from "./paths.ts";

/** What a query needs of the store. */
export interface LogSource {
  directory: string;
  file(index: number): LogFile;
  now(): number;
}

/** Past lines, and with `follow` those to come in the order of their arrival. */
export async function* queryLogs(source: LogSource, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine> {
  const filter = lineFilter(query);
  if (signal.aborted) return;
  // Watching begins before the past is read, so that nothing falls in between.
  const watch = query.follow ? new LogWatch(source.directory, signal) : undefined;
  try {
    const indexes = existing(source.directory).filter((index) => query.index === undefined || query.index === index);
    const files = indexes.map((index) => ({ index, file: source.file(index) }));
    const past = await underMutexes(
      files.map(({ file }) => file),
      async () => {
        for (const { file } of files) file.look();
        const sources = await Promise.all(files.map(({ index, file }) => upToNow(index, file, query.follow)));
        return { sources, lines: await pastLines(sources, query, filter, source.now(), signal) };
      },
    );
    if (signal.aborted) return;
    yield* past.lines;
    if (watch === undefined) return;

    const readers = new Map(past.sources.map(({ index, file, end }) => [index, new ForwardReader(file, end)]));
    let lookedAt = source.now();
    for (const index of indexes) watch.add(index);
    for (;;) {
      const written = await watch.next();
      if (written.length === 0) return;
      for (const index of written) {
        if (query.index !== undefined && query.index !== index) continue;
        // A log that was not there before is read from its beginning.
        const reader = readers.get(index) ?? new ForwardReader(source.file(index), 0);
        readers.set(index, reader);
        for (let lines = await reader.next(); lines !== undefined && !signal.aborted; lines = await reader.next()) {
          const now = source.now();
          for (const { text, end } of lines) {
            const match = filter(text);
            if (match === undefined) continue;
            const atMs = lineTime(match.message, { from: lookedAt, at: now, to: now });
            if (query.until !== undefined && atMs > query.until) return;
            const place = placeOf(index, end);
            yield { at: Math.round(atMs * 1000), app: query.app, index, stream: "unknown", ...match, place };
          }
        }
      }
      lookedAt = source.now();
    }
  } finally {
    watch?.close();
  }
}

const existing = (directory: string): number[] => {
  try {
    return readdirSync(directory)
      .map(indexOfLog)
      .filter((index) => index !== undefined)
      .sort((a, b) => a - b);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
};

/** The log as it is; for following without the line that is being written, which will come whole. */
const upToNow = async (index: number, file: LogFile, wholeLinesOnly: boolean): Promise<PastSource> => {
  const segments = file.segments();
  const end = segments[0]!.end;
  if (!wholeLinesOnly) return { index, file, end };
  const reader = new BackwardReader(segments, end);
  try {
    const last = await reader.previous();
    return { index, file, end: last === undefined || last.isWhole ? end : end - last.bytes };
  } finally {
    await reader.close();
  }
};

/** Runs the work while no file is rotated. The files are taken in the same order by everybody: ascending. */
const underMutexes = <T>(files: readonly LogFile[], work: () => Promise<T>): Promise<T> => {
  const [first, ...others] = files;
  return first === undefined ? work() : first.mutex.run(() => underMutexes(others, work));
};
