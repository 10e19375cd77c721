/** How far the clock of a line may be from when velosd saw it, before its timestamp is taken for something else. */
const SLACK_MS = 2000;

const STAMP = /^[[("]?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?/;

/**
 * The time that a line itself names, in milliseconds since the epoch: an ISO timestamp at its beginning, or `time`,
 * `timestamp`, `ts` or `@timestamp` of a JSON entry. Without a zone the machine's own is meant.
 */
export const namedTime = (message: string): number | undefined => {
  if (message.startsWith("{")) return jsonTime(message);
  const match = STAMP.exec(message);
  if (!match) return undefined;
  const [, day, time, fraction, zone] = match;
  const at = Date.parse(`${day}T${time}${zone ?? ""}`);
  return Number.isNaN(at) ? undefined : at + Number(`0.${fraction ?? "0"}`) * 1000;
};

const jsonTime = (message: string): number | undefined => {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(message) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const value = entry["time"] ?? entry["timestamp"] ?? entry["@timestamp"] ?? entry["ts"];
  if (typeof value === "string") return namedTime(value);
  // Seconds (zap) or milliseconds (pino): the seconds of today have ten digits.
  return typeof value === "number" ? (value < 1e11 ? value * 1000 : value) : undefined;
};

/**
 * When a line was written: the time it names, if that is possible, else `seen.at`. A line that begins with a date of
 * another day is a line about that day.
 */
export const lineTime = (message: string, seen: { from: number; at: number; to: number }): number => {
  const named = namedTime(message);
  return named !== undefined && named >= seen.from - SLACK_MS && named <= seen.to + SLACK_MS ? named : seen.at;
};
