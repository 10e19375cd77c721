import type { LogLine } from "../backend/backend.ts";
import type { Controller } from "../controller/controller.ts";
import { VelosError } from "../domain/errors.ts";
import type { Params } from "./operations.ts";

/** Lines shown of the past when nobody says how many, as `tail` and pm2 have it. */
export const DEFAULT_LINES = 15;

/** Lines without their places, for who did not ask for them. */
async function* withoutPlaces(lines: AsyncIterable<LogLine>): AsyncIterable<LogLine> {
  for await (const { place: _, ...line } of lines) yield line;
}

/** As `mergeLogs`, with the places of the lines when they are asked for. */
export const readLogs = (
  controller: Controller,
  params: Params<"logs">,
  signal: AbortSignal,
): AsyncIterable<LogLine> => {
  const lines = mergeLogs(controller, params, signal);
  return params.places === true ? lines : withoutPlaces(lines);
};

/**
 * The logs of all that the selectors name, as one sequence: the past sorted by time and cut to the last N together,
 * then what comes, in the order it comes.
 */
async function* mergeLogs(controller: Controller, params: Params<"logs">, signal: AbortSignal): AsyncIterable<LogLine> {
  checkPattern(params.grep);
  const targets = controller.apps.logTargets(params.selectors ?? []);
  const lines = params.lines ?? DEFAULT_LINES;
  const { since, until, level, grep } = params;
  const query = {
    lines,
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(level !== undefined && { level }),
    ...(grep !== undefined && { grep }),
  };
  if (targets.length === 1) {
    const [target] = targets;
    yield* controller.apps.logs({ ...query, ...target!, follow: params.follow ?? false }, signal);
    return;
  }
  const past: LogLine[] = [];
  for (const target of targets) {
    for await (const line of controller.apps.logs({ ...query, ...target, follow: false }, signal)) past.push(line);
  }
  past.sort((a, b) => a.at - b.at);
  yield* past.slice(lines === 0 ? past.length : -lines);
  if (!params.follow) return;
  // Each source is followed from the newest line shown, so that nothing falls between the past and what comes.
  const from = past.at(-1)?.at;
  const overlap = from === undefined ? { lines: 0 } : { lines: 10_000, since: Math.floor(from / 1000) };
  yield* interleave(
    targets.map((target) =>
      skipUntil(controller.apps.logs({ ...query, ...overlap, ...target, follow: true }, signal), from ?? 0),
    ),
  );
}

async function* skipUntil(lines: AsyncIterable<LogLine>, at: number): AsyncIterable<LogLine> {
  for await (const line of lines) if (line.at > at) yield line;
}

interface Turn {
  position: number;
  item: IteratorResult<LogLine>;
}

/** Several sequences as one, each item when it comes. */
async function* interleave(sources: AsyncIterable<LogLine>[]): AsyncIterable<LogLine> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const waiting = new Map<number, Promise<Turn>>();
  const take = (position: number): void => {
    const next = iterators[position]!.next();
    waiting.set(
      position,
      next.then((item) => ({ position, item })),
    );
  };
  for (const position of iterators.keys()) take(position);
  try {
    while (waiting.size > 0) {
      const { position, item } = await Promise.race(waiting.values());
      if (item.done) {
        waiting.delete(position);
        continue;
      }
      take(position);
      yield item.value;
    }
  } finally {
    await Promise.all(iterators.map(async (iterator) => iterator.return?.()));
  }
}

const checkPattern = (pattern: string | undefined): void => {
  if (pattern === undefined) return;
  try {
    new RegExp(pattern, "u");
  } catch (error) {
    throw new VelosError("USAGE", {
      why: `--grep: ${(error as Error).message}`,
      hint: "it is a JavaScript regular expression",
    });
  }
};
