import { setTimeout as delay } from "node:timers/promises";
import type { LogLine } from "../backend/backend.ts";
import type { Connection } from "../client/connection.ts";
import type { VelosError } from "../domain/errors.ts";
import { logText } from "./render/log-line.ts";
import type { Style } from "./render/style.ts";

/** Lines shown of an instance that did not come up, and lines among which it is looked for what to show. */
const LINES = 10;
const WITHIN = 40;

/** What a runtime begins with when it says why it ends: Node, Python, Java, Ruby, Go, Rust. */
const HEADING =
  /^(?:Uncaught )?(?:[\w.]*(?:Error|Exception)\b|Traceback \(|panic: |fatal(?: error)?: |thread '.*' panicked)/;

/** The last lines, but from the one that says what is wrong where more than these follow it: a stack, and what goes with it. */
export const excerpt = <T>(lines: readonly T[], text: (line: T) => string): T[] => {
  const heading = lines.findLastIndex((line) => HEADING.test(text(line)));
  const from = Math.max(0, lines.length - LINES);
  const begin = heading < 0 ? from : Math.min(heading, from);
  return lines.slice(begin, begin + LINES);
};
const JOURNAL_MS = 200;

/** The last lines of the instance that an error is about: usually they say what is wrong. Empty when there are none. */
export const lastWords = async (daemon: Connection, error: VelosError, style: Style): Promise<string[]> => {
  const { app, index } = error.details;
  if (
    (error.code !== "ROLLOUT_STALLED" && error.code !== "INSTANCE_FAILED") ||
    app === undefined ||
    index === undefined
  )
    return [];
  const read = async (): Promise<string[]> => {
    // The journal has lines of an app of the same name that was deleted, too, and its errors are not this one's.
    const { createdAt: since } = (await daemon.call("describe", { selector: String(app) })).app;
    const lines: LogLine[] = [];
    const query = { selectors: [`${app}:${index}`], lines: WITHIN, since };
    for await (const line of daemon.stream("logs", query)) lines.push(line);
    return excerpt(lines, ({ message }) => message).map((line) => logText(line, style));
  };
  try {
    const lines = await read();
    if (lines.length > 0) return lines;
    // The journal may be a moment behind a program that has just ended.
    await delay(JOURNAL_MS);
    return await read();
  } catch {
    // The error itself matters more than its illustration.
    return [];
  }
};
