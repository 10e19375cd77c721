import { VelosError } from "../../domain/errors.ts";
import type { LogLevel } from "../../domain/log-level.ts";
import { isAtLeast, levelOf, logLevels } from "../../domain/log-level.ts";
import { severeMessages } from "../../domain/severe-messages.ts";
import type { LogLine, LogQuery, Scope } from "../backend.ts";
import type { Entry } from "./journalctl.ts";
import { journalEntries, textOf } from "./journalctl.ts";
import { instanceUnit, parseInstanceUnit, syslogIdentifier } from "./names.ts";

/** Whose journal is read, and who its processes were. */
export interface JournalReader {
  scope: Scope;
  byPid: (pid: number) => { app: string; index: number } | undefined;
}

/** What of an entry is read: writing and parsing the others would take most of the time. */
const FIELDS = "MESSAGE,PRIORITY,_SYSTEMD_UNIT,_SYSTEMD_USER_UNIT,_PID,_SOURCE_REALTIME_TIMESTAMP";

/** Entries looked at for one query at most, so that a filter that matches nothing has an end. */
const SCAN_LIMIT = 2_000_000;

/**
 * Reads an app's lines from the journal, through `journalctl`: it knows every format of the files, and who may read.
 * The past is read backwards until enough lines match; what follows begins right after the newest entry seen.
 */
export async function* journalLines(
  query: LogQuery,
  reader: JournalReader,
  signal: AbortSignal,
): AsyncIterable<LogLine> {
  let newest: string | undefined;
  if (query.lines > 0 || query.follow) {
    const past = await readPast(query, reader, signal);
    newest = past.newest;
    if (past.gaveUp) query.gaveUp?.();
    yield* past.lines;
  }
  if (!query.follow || signal.aborted) return;
  const from = newest === undefined ? [] : ["--after-cursor", newest];
  // Without `-n all` a follower gets only the last ten entries of what has come since the cursor.
  const args = ["--follow", "--lines=all", ...from, ...selection(query, reader.scope)];
  const matches = lineFilter(query);
  for await (const entry of journalEntries(FIELDS, args, signal)) {
    const line = toLine(entry, query, reader);
    if (line && matches(line)) yield line;
  }
}

/** Lines of the past, oldest first. */
interface Past {
  lines: LogLine[];
  /** Place of the newest entry that was looked at, matching or not. */
  newest: string | undefined;
  /** There may be more. */
  gaveUp: boolean;
}

const readPast = async (query: LogQuery, reader: JournalReader, signal: AbortSignal): Promise<Past> => {
  const patience = query.patienceMs === undefined ? undefined : AbortSignal.timeout(query.patienceMs);
  const ended = patience ? AbortSignal.any([signal, patience]) : signal;
  const isOut = (): boolean => patience?.aborted === true && !signal.aborted;
  const from = query.after ? ["--after-cursor", cursorOf(query.after.places)] : ["--reverse"];
  const args = [...from, ...range(query)];
  const severe = query.follow || query.level === undefined ? undefined : severeMessages(query.level);
  if (severe !== undefined && canGrep) {
    try {
      return mergePast(
        await Promise.all([
          look([...args, ...selection(query, reader.scope, priorities(query.level!))], query, reader, ended, isOut),
          look(
            [...args, `--grep=${severe}`, "--case-sensitive=no", ...selection(query, reader.scope)],
            query,
            reader,
            ended,
            isOut,
          ),
        ]),
        query,
      );
    } catch (error) {
      // A journalctl that was built without patterns says so; then every line is looked at here.
      if (!(error instanceof VelosError) || !error.message.includes("pattern matching")) throw error;
      canGrep = false;
    }
  }
  const { found, newest, gaveUp } = await look(
    [...args, ...selection(query, reader.scope)],
    query,
    reader,
    ended,
    isOut,
  );
  const lines = found.map(({ line }) => line);
  return { lines: query.after ? lines : lines.reverse(), newest, gaveUp };
};

let canGrep = true;

/** What one reading of the journal found, in its order. */
interface Look {
  found: { line: LogLine; at: number }[];
  newest: string | undefined;
  gaveUp: boolean;
}

const look = async (
  args: readonly string[],
  query: LogQuery,
  reader: JournalReader,
  signal: AbortSignal,
  isOut: () => boolean,
): Promise<Look> => {
  const matches = lineFilter(query);
  const found: Look["found"] = [];
  let newest: string | undefined;
  let looked = 0;
  for await (const entry of journalEntries(FIELDS, args, signal)) {
    newest ??= textOf(entry["__CURSOR"]);
    if (query.lines === 0 || ++looked > SCAN_LIMIT) break;
    const line = toLine(entry, query, reader);
    if (line && matches(line)) found.push({ line, at: Number(textOf(entry["__REALTIME_TIMESTAMP"])) });
    if (found.length >= query.lines) break;
  }
  return { found, newest, gaveUp: isOut() || looked > SCAN_LIMIT };
};

/** What several readings of one stretch of the journal found, as one would have. */
const mergePast = (looks: readonly Look[], query: LogQuery): Past => {
  const byPlace = new Map(looks.flatMap(({ found }) => found).map((one) => [one.line.place, one]));
  // Many lines come at the same microsecond: they are told apart by the number that journald gives them.
  const sorted = [...byPlace.values()]
    .map((one) => ({ ...one, number: Number.parseInt(/;i=([0-9a-f]+)/.exec(one.line.place ?? "")?.[1] ?? "0", 16) }))
    .sort((a, b) => a.at - b.at || a.number - b.number)
    .map(({ line }) => line);
  const lines = query.after ? sorted.slice(0, query.lines) : sorted.slice(-query.lines);
  return { lines, newest: undefined, gaveUp: looks.some(({ gaveUp }) => gaveUp) };
};

/** Priorities of syslog that are at least that severe by themselves; see `levelOf`. */
const priorities = (level: LogLevel): string[] =>
  [0, 1, 2, 3, 4].filter((priority) => isAtLeast(levelOf("", priority).level, level)).map((n) => `PRIORITY=${n}`);

const range = (query: LogQuery): string[] => [
  ...(query.since !== undefined ? [`--since=@${(query.since / 1000).toFixed(3)}`] : []),
  ...(query.until !== undefined ? [`--until=@${(query.until / 1000).toFixed(3)}`] : []),
];

/**
 * Matches of one app or instance. A user's own manager logs under the user's id, and does not tell journald the unit:
 * lines of a process that is already gone then have only the identifier, so all of the app's are read and told apart
 * here.
 */
const selection = (query: LogQuery, scope: Scope, also: readonly string[] = []): string[] => {
  const byIdentifier = `SYSLOG_IDENTIFIER=${syslogIdentifier(query.app)}`;
  if (scope === "user") {
    const owner = `_UID=${process.getuid?.() ?? 0}`;
    if (query.index === undefined) return [byIdentifier, owner, ...also];
    const byUnit = `_SYSTEMD_USER_UNIT=${instanceUnit(query.app, query.index)}`;
    return [byIdentifier, owner, ...also, "+", byUnit, owner, ...also];
  }
  return [query.index === undefined ? byIdentifier : `_SYSTEMD_UNIT=${instanceUnit(query.app, query.index)}`, ...also];
};

const toLine = (entry: Entry, query: LogQuery, { scope, byPid }: JournalReader): LogLine | undefined => {
  const system = parseInstanceUnit(textOf(entry["_SYSTEMD_UNIT"]));
  const named = (scope === "user" ? parseInstanceUnit(textOf(entry["_SYSTEMD_USER_UNIT"])) : undefined) ?? system;
  const unit = named ?? (scope === "user" ? fromPid(entry, query.app, byPid) : undefined);
  if (!unit || unit.app !== query.app || (query.index !== undefined && unit.index !== query.index)) return undefined;
  const priority = Number(textOf(entry["PRIORITY"]) || "6");
  const { level, message } = levelOf(textOf(entry["MESSAGE"]), priority);
  return {
    at: Number(textOf(entry["_SOURCE_REALTIME_TIMESTAMP"]) || textOf(entry["__REALTIME_TIMESTAMP"])),
    app: unit.app,
    index: unit.index,
    stream: "unknown",
    level,
    message,
    place: textOf(entry["__CURSOR"]),
  };
};

/** @throws VelosError CURSOR_INVALID */
const cursorOf = (places: readonly string[]): string => {
  const [place = ""] = places;
  if (places.length === 1 && /^(?:[a-z]=[0-9a-f]{1,40};?){2,8}$/.test(place)) return place;
  throw new VelosError("CURSOR_INVALID", { why: "journald did not give it" });
};

/** The instance of a line that names no unit; -1 when its process is not remembered any more. */
const fromPid = (entry: Entry, app: string, byPid: JournalReader["byPid"]): { app: string; index: number } => {
  const known = byPid(Number(textOf(entry["_PID"])));
  return known?.app === app ? known : { app, index: -1 };
};

/** True for the lines that a query's level, pattern and time ask for. */
const lineFilter = (query: LogQuery): ((line: LogLine) => boolean) => {
  const least = query.level === undefined ? logLevels.length : logLevels.indexOf(query.level);
  const pattern = typeof query.grep === "string" ? new RegExp(query.grep, "u") : query.grep;
  return (line) => logLevels.indexOf(line.level) <= least && (pattern?.test(line.message) ?? true);
};
