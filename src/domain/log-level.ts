/** Severities of a log line, the most severe first. */
export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof logLevels)[number];

/** True when `level` is at least as severe as `least`. */
export const isAtLeast = (level: LogLevel, least: LogLevel): boolean =>
  logLevels.indexOf(level) <= logLevels.indexOf(least);

/** Severity of a syslog priority, 0 (emergency) to 7 (debug). */
const ofPriority = (priority: number): LogLevel =>
  priority <= 2 ? "fatal" : priority === 3 ? "error" : priority === 4 ? "warn" : priority <= 6 ? "info" : "debug";

/** The words of pino, winston, bunyan, log4j, Python's logging, zap and syslog, in lower case. */
const WORDS: Readonly<Record<string, LogLevel>> = {
  fatal: "fatal",
  panic: "fatal",
  emerg: "fatal",
  emergency: "fatal",
  alert: "fatal",
  crit: "fatal",
  critical: "fatal",
  error: "error",
  err: "error",
  severe: "error",
  warn: "warn",
  warning: "warn",
  info: "info",
  information: "info",
  notice: "info",
  http: "info",
  debug: "debug",
  verbose: "debug",
  trace: "trace",
  silly: "trace",
};

/** Numbers of pino and bunyan: 60 fatal, 50 error, 40 warn, 30 info, 20 debug, 10 trace. */
const ofNumber = (value: number): LogLevel =>
  value >= 60
    ? "fatal"
    : value >= 50
      ? "error"
      : value >= 40
        ? "warn"
        : value >= 30
          ? "info"
          : value >= 20
            ? "debug"
            : "trace";

const ofJson = (message: string): LogLevel | undefined => {
  let entry: unknown;
  try {
    entry = JSON.parse(message);
  } catch {
    return undefined;
  }
  if (entry === null || typeof entry !== "object") return undefined;
  const fields = entry as Record<string, unknown>;
  const value = fields["level"] ?? fields["severity"] ?? fields["log.level"] ?? fields["lvl"] ?? fields["levelname"];
  if (typeof value === "number") return ofNumber(value);
  return typeof value === "string" ? WORDS[value.toLowerCase()] : undefined;
};

// Where a severity stands in a line of text: `level=error`, `[error]`, `error:`, ERROR in capitals. Only near the
// beginning, so that a line that merely speaks of errors (`0 errors found`) stays what it is.
const HEAD_LENGTH = 120;
const KEYED = /\b(?:level|severity|lvl)\s*[=:]\s*"?([a-z]+)/i;
const CAPITALS =
  /\b(FATAL|PANIC|EMERG|ALERT|CRIT|CRITICAL|ERROR|ERR|SEVERE|WARN|WARNING|INFO|NOTICE|DEBUG|VERBOSE|TRACE)\b/;
const BRACKETED = /[[(<](fatal|panic|emerg|alert|crit|critical|error|err|warn|warning|info|notice|debug|trace)[\])>]/i;
const LEADING = /^\s*(fatal|panic|critical|error|err|warn|warning|info|notice|debug|trace)(?: error)?\s*[:|-]/i;
/** `TypeError: …`, `Uncaught …`, Python's traceback, Go's panic: what runtimes print when a program fails. */
const FAILURE =
  /^\s*(?:Uncaught\b|Unhandled|Traceback \(most recent call last\)|(?:[\w.$]*\.)?(?:[A-Z]\w*)?(?:Error|Exception)\b(?: \[\w+\])?(?::|$))/;
const NODE_WARNING = /^\(node:\d+\) /;

const ofText = (message: string): LogLevel | undefined => {
  const head = message.length > HEAD_LENGTH ? message.slice(0, HEAD_LENGTH) : message;
  const word = (KEYED.exec(head) ?? CAPITALS.exec(head) ?? BRACKETED.exec(head) ?? LEADING.exec(head))?.[1];
  const level = word === undefined ? undefined : WORDS[word.toLowerCase()];
  if (level !== undefined) return level;
  if (FAILURE.test(head)) return "error";
  return NODE_WARNING.test(head) ? "warn" : undefined;
};

/**
 * The severity of a log line, and the line without its `<N>` prefix (sd-daemon's way to give a priority).
 *
 * First what was said on purpose: the prefix, then a priority other than 6, which is what a journal gives to every
 * line of stdout and stderr; then a JSON entry's level; then a word of the text; else `info`.
 *
 *     levelOf("<3>disk full")                    → error, "disk full"
 *     levelOf('{"level":50,"msg":"no route"}')   → error
 *     levelOf("2024-05-01 12:00:00 WARN slow")   → warn
 *     levelOf("0 errors found")                  → info
 *
 * @param priority syslog priority 0–7, where the journal has one
 */
export const levelOf = (message: string, priority?: number): { level: LogLevel; message: string } => {
  const prefix = /^<([0-7])>/.exec(message);
  if (prefix) return { level: ofPriority(Number(prefix[1])), message: message.slice(3) };
  if (priority !== undefined && priority !== 6) return { level: ofPriority(priority), message };
  const level = (message.startsWith("{") ? ofJson(message) : undefined) ?? ofText(message) ?? "info";
  return { level, message };
};
