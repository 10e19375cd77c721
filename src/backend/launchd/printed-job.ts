import { constants } from "node:os";
import type { ProcessEnd } from "../spawn/execute.ts";

/** What `launchctl print` tells of a job, as far as it is relied on. */
export interface PrintedJob {
  /** The property list that it was made from. */
  path?: string;
  /** Absent: it does not run. */
  pid?: number;
  /** How often it was started. */
  runs: number;
  /** How its last process ended; absent while none has. */
  end?: ProcessEnd;
  /** The variables of its property list. */
  environment: Readonly<Record<string, string>>;
}

/** Names of signals by number; of two names the usual one, which is listed first (SIGABRT, not SIGIOT). */
const signalNames = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/** The lines between `\tNAME = {` and `\t}`. */
const block = (lines: readonly string[], name: string): readonly string[] => {
  const begin = lines.indexOf(`\t${name} = {`);
  if (begin < 0) return [];
  const end = lines.indexOf("\t}", begin);
  return lines.slice(begin + 1, end < 0 ? undefined : end);
};

/**
 * Reads the answer to `launchctl print <domain>/<label>`. What belongs to the job itself is indented by one tab; blocks
 * inside of it, which have a `state` of their own, by more. A process that a signal ended is told by
 * `last terminating signal = Killed: 9`, any other by `last exit code = 3`, or `= 78: EX_CONFIG` where that has a name.
 */
export const parsePrintedJob = (text: string): PrintedJob => {
  const lines = text.split("\n");
  const values = new Map<string, string>();
  for (const line of lines) {
    const found = /^\t([a-z][^\t={}]*) = ([^{].*)$/.exec(line);
    if (found && !values.has(found[1]!)) values.set(found[1]!, found[2]!);
  }
  const number = (name: string, pattern = /^(\d+)/): number | undefined => {
    const digits = pattern.exec(values.get(name) ?? "")?.[1];
    return digits === undefined ? undefined : Number(digits);
  };
  const signal = number("last terminating signal", /(\d+)$/);
  const code = number("last exit code");
  const end: ProcessEnd | undefined =
    signal !== undefined
      ? { signal: signalNames.get(signal) ?? `signal ${signal}` }
      : code !== undefined
        ? { code }
        : undefined;
  const pid = number("pid");
  const path = values.get("path");
  return {
    runs: number("runs") ?? 0,
    environment: Object.fromEntries(
      block(lines, "environment").flatMap((line) => {
        const found = /^\t\t(.*?) => (.*)$/.exec(line);
        return found ? [[found[1]!, found[2]!]] : [];
      }),
    ),
    ...(path !== undefined && { path }),
    ...(pid !== undefined && { pid }),
    ...(end && { end }),
  };
};
