import { setTimeout as delay } from "node:timers/promises";
import type { Connection } from "../client/connection.ts";
import type { VelosError } from "../domain/errors.ts";
import { logText } from "./render/log-line.ts";
import type { Style } from "./render/style.ts";

/** Lines shown of an instance that did not come up. */
const LINES = 10;
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
    const lines: string[] = [];
    for await (const line of daemon.stream("logs", { selectors: [`${app}:${index}`], lines: LINES }))
      lines.push(logText(line, style));
    return lines;
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
