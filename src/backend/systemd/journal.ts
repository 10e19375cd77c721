import { VelosError } from "../../domain/errors.ts";
import { levelOf, logLevels } from "../../domain/log-level.ts";
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
  { scope, byPid }: JournalReader,
  signal: AbortSignal,
): AsyncIterable<LogLine> {
  let cursor: string | undefined;
  const matches = lineFilter(query);
  if (query.lines > 0 || query.follow) {
    const found: LogLine[] = [];
    const { after } = query;
    const from = after ? ["--after-cursor", cursorOf(after.places)] : ["--reverse"];
    const patience = query.patienceMs === undefined ? undefined : AbortSignal.timeout(query.patienceMs);
    const ended = patience ? AbortSignal.any([signal, patience]) : signal;
    let looked = 0;
    for await (const entry of journalEntries(FIELDS, [...from, ...range(query), ...selection(query, scope)], ended)) {
      cursor ??= entry["__CURSOR"] as string;
      if (query.lines === 0 || ++looked > SCAN_LIMIT) break;
      const line = toLine(entry, query, scope, byPid);
      if (line && matches(line)) found.push(line);
      if (found.length >= query.lines) break;
    }
    if ((patience?.aborted === true && !signal.aborted) || looked > SCAN_LIMIT) query.gaveUp?.();
    yield* after ? found : found.reverse();
  }
  if (!query.follow || signal.aborted) return;
  const from = cursor === undefined ? [] : ["--after-cursor", cursor];
  // Without `-n all` a follower gets only the last ten entries of what has come since the cursor.
  for await (const entry of journalEntries(
    FIELDS,
    ["--follow", "--lines=all", ...from, ...selection(query, scope)],
    signal,
  )) {
    const line = toLine(entry, query, scope, byPid);
    if (line && matches(line)) yield line;
  }
}

const range = (query: LogQuery): string[] => [
  ...(query.since !== undefined ? [`--since=@${(query.since / 1000).toFixed(3)}`] : []),
  ...(query.until !== undefined ? [`--until=@${(query.until / 1000).toFixed(3)}`] : []),
];

/**
 * Matches of one app or instance. A user's own manager logs under the user's id, and does not tell journald the unit:
 * lines of a process that is already gone then have only the identifier, so all of the app's are read and told apart
 * here.
 */
const selection = (query: LogQuery, scope: Scope): string[] => {
  const byIdentifier = `SYSLOG_IDENTIFIER=${syslogIdentifier(query.app)}`;
  if (scope === "user") {
    const owner = `_UID=${process.getuid?.() ?? 0}`;
    if (query.index === undefined) return [byIdentifier, owner];
    return [byIdentifier, owner, "+", `_SYSTEMD_USER_UNIT=${instanceUnit(query.app, query.index)}`, owner];
  }
  return query.index === undefined ? [byIdentifier] : [`_SYSTEMD_UNIT=${instanceUnit(query.app, query.index)}`];
};

const toLine = (entry: Entry, query: LogQuery, scope: Scope, byPid: JournalReader["byPid"]): LogLine | undefined => {
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
