import type { LogLevel } from "../domain/log-level.ts";
import { logLevels } from "../domain/log-level.ts";

/** What a summary needs of a log line. */
export interface SummaryLine {
  /** Microseconds since the epoch. */
  at: number;
  app: string;
  index: number;
  level: LogLevel;
  message: string;
}

/** Lines that say the same but for numbers, ids, addresses and what is quoted. */
export interface LogGroup {
  level: LogLevel;
  count: number;
  /** What they have in common; `<n>`, `<id>`, `<ip>`, `<time>` and `<text>` stand for what differs. */
  pattern: string;
  /** The latest of them, as it was printed (cut to 500 characters). */
  latest: string;
  /** First and last occurrence, ISO 8601. */
  first: string;
  last: string;
  /** Who printed them: `api:0`; at most ten. */
  instances: string[];
}

export interface LogSummary {
  /** How many lines were looked at. */
  lines: number;
  /** When the first and the last of them were printed. */
  from?: string;
  to?: string;
  levels: Partial<Record<LogLevel, number>>;
  /** The most severe first, then the most frequent. */
  groups: LogGroup[];
  /** How many groups, and lines in them, were left out. */
  more?: { groups: number; lines: number };
}

const MAX_PATTERN = 300;
const MAX_LATEST = 500;
const MAX_INSTANCES = 10;

/** The part of a JSON line that says what happened, where it is one: pino, bunyan, winston, zap. */
const spoken = (message: string): string => {
  if (!message.startsWith("{")) return message;
  try {
    const entry = JSON.parse(message) as Record<string, unknown>;
    const text = entry["msg"] ?? entry["message"];
    return typeof text === "string" && text !== "" ? text : message;
  } catch {
    return message;
  }
};

/** In this order: what is longer and more particular goes first. */
const VARIABLE: readonly [RegExp, string][] = [
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?/g, "<time>"],
  [/\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b/g, "<time>"],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<id>"],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, "<ip>"],
  [/\b0x[0-9a-f]+\b/gi, "<id>"],
  // Only with a digit in it: "deadbeef" may be, "added" is a word.
  [/\b(?=[a-z]*\d)[0-9a-f]{8,}\b/gi, "<id>"],
  [/"(?:[^"\\]|\\.){0,200}"|(?<![A-Za-z0-9])'[^'\s][^']{0,198}'(?![A-Za-z0-9])/g, "<text>"],
  [/(?<![A-Za-z_])[+-]?\d+(?:[.,]\d+)*/g, "<n>"],
];

/** What lines of one kind have in common. */
export const patternOf = (message: string): string => {
  let pattern = spoken(message).slice(0, 2000);
  for (const [expression, placeholder] of VARIABLE) pattern = pattern.replace(expression, placeholder);
  return pattern.replace(/\s+/g, " ").trim().slice(0, MAX_PATTERN);
};

const time = (us: number): string => new Date(us / 1000).toISOString();

interface Gathered {
  level: LogLevel;
  count: number;
  pattern: string;
  latest: SummaryLine;
  first: number;
  last: number;
  instances: Set<string>;
}

/**
 * Groups lines that repeat, for a reader with little room: the most severe first, then the most frequent.
 * @param most groups at most
 */
export const summarize = (lines: Iterable<SummaryLine>, most = 30): LogSummary => {
  const groups = new Map<string, Gathered>();
  const levels: Partial<Record<LogLevel, number>> = {};
  let [count, from, to] = [0, Infinity, -Infinity];
  for (const line of lines) {
    count++;
    [from, to] = [Math.min(from, line.at), Math.max(to, line.at)];
    levels[line.level] = (levels[line.level] ?? 0) + 1;
    const pattern = patternOf(line.message);
    const key = `${line.app}\0${line.level}\0${pattern}`;
    const known = groups.get(key);
    const group = known ?? {
      level: line.level,
      count: 0,
      pattern,
      latest: line,
      first: line.at,
      last: line.at,
      instances: new Set<string>(),
    };
    if (!known) groups.set(key, group);
    group.count++;
    group.instances.add(line.index < 0 ? line.app : `${line.app}:${line.index}`);
    group.first = Math.min(group.first, line.at);
    if (line.at >= group.last) [group.last, group.latest] = [line.at, line];
  }
  const sorted = [...groups.values()].sort(
    (a, b) => rank(a.level) - rank(b.level) || b.count - a.count || b.last - a.last,
  );
  const left = sorted.slice(most);
  return {
    lines: count,
    ...(count > 0 && { from: time(from), to: time(to) }),
    levels,
    groups: sorted.slice(0, most).map(({ latest, first, last, instances, ...group }) => ({
      ...group,
      latest: latest.message.slice(0, MAX_LATEST),
      first: time(first),
      last: time(last),
      instances: [...instances].sort().slice(0, MAX_INSTANCES),
    })),
    ...(left.length > 0 && {
      more: { groups: left.length, lines: left.reduce((sum, group) => sum + group.count, 0) },
    }),
  };
};

const rank = (level: LogLevel): number => logLevels.indexOf(level);
