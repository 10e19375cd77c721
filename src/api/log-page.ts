import type { LogLine, LogQuery } from "../backend/backend.ts";
import type { Controller } from "../controller/controller.ts";
import type { Target } from "../domain/selector.ts";
import { VelosError } from "../domain/errors.ts";
import { linearPattern } from "./linear-pattern.ts";
import { LogCursor } from "./log-cursor.ts";
import { DEFAULT_LINES } from "./merge-logs.ts";
import type { Params, Result } from "./operations.ts";

/** How long is looked for lines, in all logs together: who waits for a page has an answer in about this time. */
const PATIENCE_MS = 1500;
/** A page is one message to velosd's client, which may have 8 MB: what its lines may take, and each besides its text. */
const MAX_BYTES = 6_000_000;
const ROOM_BESIDE = 400;
/** Characters of a line that are given. */
const MAX_MESSAGE = 250_000;

/**
 * A piece of the logs that the selectors name: the last lines that match, or, with a cursor, the first after it.
 * @throws VelosError CURSOR_INVALID, USAGE for a pattern that is none, APP_NOT_FOUND, LOGS_UNAVAILABLE
 */
export const logPage = async (controller: Controller, params: Params<"logPage">): Promise<Result<"logPage">> => {
  const targets = controller.apps.logTargets(params.selectors);
  const cursor = cursorFor(targets, params.cursor);
  const wanted = params.lines ?? DEFAULT_LINES;
  const { since, until, level } = params;
  const query = {
    lines: wanted,
    follow: false,
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(level !== undefined && { level }),
    ...(params.grep !== undefined && { grep: await linearPattern(params.grep) }),
    ...(cursor?.position && { after: cursor.position }),
  };
  const forward = cursor?.position !== undefined;
  const found = wanted === 0 ? { lines: [], truncated: false } : await readAll(controller, targets, query);
  if (targets.length > 1) found.lines.sort((a, b) => a.at - b.at);
  const cut = forward
    ? found.lines.slice(0, wanted)
    : found.lines.slice(found.lines.length - Math.min(wanted, found.lines.length));
  const lines = fit(cut, forward);
  for (const line of lines) cursor?.pass(line);
  return {
    lines: params.places === true ? lines : lines.map(({ place: _, ...line }) => line),
    ...(cursor?.position && { cursor: cursor.toString() }),
    truncated: found.truncated || lines.length < cut.length,
  };
};

const cursorFor = (targets: readonly Target[], text?: string): LogCursor | undefined => {
  const apps = new Set(targets.map(({ app }) => app));
  const [app] = apps;
  if (apps.size === 1) return new LogCursor(app!, text);
  if (text === undefined) return undefined;
  throw new VelosError("CURSOR_INVALID", { why: "a cursor goes with one app, and here are several" });
};

const readAll = async (
  controller: Controller,
  targets: readonly Target[],
  query: Omit<LogQuery, "app">,
): Promise<{ lines: LogLine[]; truncated: boolean }> => {
  const lines: LogLine[] = [];
  let truncated = false;
  const deadline = performance.now() + PATIENCE_MS;
  const never = new AbortController().signal;
  for (const target of targets) {
    const patienceMs = Math.ceil(deadline - performance.now());
    if (patienceMs <= 0) return { lines, truncated: true };
    const gaveUp = (): void => void (truncated = true);
    for await (const line of controller.apps.logs({ ...query, ...target, patienceMs, gaveUp }, never)) lines.push(line);
  }
  return { lines, truncated };
};

/** As many of the lines as fit into a message: the first of them going forward, else the last. */
const fit = (lines: LogLine[], forward: boolean): LogLine[] => {
  let room = MAX_BYTES;
  const ordered = forward ? lines : lines.toReversed();
  const cut = ordered.map((line) =>
    line.message.length <= MAX_MESSAGE ? line : { ...line, message: `${line.message.slice(0, MAX_MESSAGE)}…` },
  );
  const end = cut.findIndex(({ message }) => (room -= Buffer.byteLength(JSON.stringify(message)) + ROOM_BESIDE) < 0);
  const kept = end < 0 ? cut : cut.slice(0, end);
  return forward ? kept : kept.toReversed();
};
