import type { Params } from "../../api/operations.ts";
import { linearPattern } from "../../api/linear-pattern.ts";
import { LogCursor } from "../../api/log-cursor.ts";
import { VelosError } from "../../domain/errors.ts";
import { isAtLeast } from "../../domain/log-level.ts";
import type { Target } from "../../domain/selector.ts";
import { parseSelector, resolveSelectors } from "../../domain/selector.ts";
import type { Services } from "../services.ts";
import type { Batch, Line } from "./followers.ts";
import { placeOrder } from "./place-order.ts";

/** What a reader of a log is given. */
export interface Given {
  lines: readonly Line[];
  /** To go on after these lines, where the log is that of one app. */
  cursor?: string;
  /** Lines that were left out, because the reader is slower than they come. */
  skipped?: number;
  /** What they are a part of, when they are all of it: for who writes the same to many. */
  whole?: Batch;
}

/** Lines that wait for a reader; of more the oldest are left out, and it is told how many. */
const MAX_WAITING = 10_000;
const PAGE = 1000;
/** How long the last lines of an app may be on their way when it is deleted. */
const LAST_LINES_MS = 1000;

/**
 * Lines of the past, then each as it comes, until nobody wants them any more. The first item is the past, and may be
 * empty. The log of an app is followed once for all readers.
 * @throws VelosError APP_NOT_FOUND, INSTANCE_NOT_FOUND, SELECTOR_INVALID, CURSOR_INVALID, USAGE, TOO_MANY_REQUESTS
 */
export async function* logLines(
  services: Services,
  params: Params<"logPage">,
  gone: AbortSignal,
): AsyncGenerator<Given, void, void> {
  const { velosd, logLimits } = services;
  if (velosd.lost) throw velosd.lost;
  const pattern = params.grep === undefined ? undefined : await linearPattern(params.grep);
  const reader = new Reader(services, params, pattern);
  const stop = (): void => reader.wake();
  gone.addEventListener("abort", stop);
  try {
    reader.sync();
    const wanted = params.lines ?? 0;
    const past: Line[] = [];
    let page = { lines: [] as Line[], cursor: params.cursor };
    do {
      const lines = params.cursor === undefined ? wanted : Math.min(PAGE, wanted - past.length);
      const next = { ...params, lines, ...(page.cursor !== undefined && { cursor: page.cursor }), places: true };
      // A page of no lines is asked for all the same: it says whether there is such a log.
      page = { cursor: page.cursor, ...(await logLimits.run(() => velosd.call("logPage", next))) };
      past.push(...page.lines);
    } while (params.cursor !== undefined && page.lines.length === PAGE && past.length < wanted && !gone.aborted);
    reader.begin(past, wanted, params.cursor);
    yield {
      lines: past.map(({ place: _, ...line }) => line),
      ...(page.cursor !== undefined && { cursor: page.cursor }),
    };
    while (!gone.aborted) {
      const given = await reader.next(gone);
      if (given) yield given;
    }
  } finally {
    gone.removeEventListener("abort", stop);
    reader.close();
  }
}

/** One reader's part of what followers give. */
class Reader {
  readonly #services: Services;
  readonly #params: Params<"logPage">;
  readonly #pattern: { test(message: string): boolean } | undefined;
  readonly #follows = new Map<string, () => void>();
  readonly #offChange: () => void;
  readonly #joinedAt = Date.now() * 1000;
  #wake = (): void => {};
  #waiting: Batch[] = [];
  #count = 0;
  #skipped = 0;
  #indexes = new Map<string, Set<number> | undefined>();
  /** How far each source was given. */
  readonly #given = new Map<string, Pick<Line, "at" | "place">>();
  /** Of a source without such a line: what is later than this. */
  #floor = 0;
  #cursor: LogCursor | undefined;

  constructor(services: Services, params: Params<"logPage">, pattern: { test(message: string): boolean } | undefined) {
    this.#services = services;
    this.#params = params;
    this.#pattern = pattern;
    this.#offChange = services.followers.onChange(() => {
      try {
        this.sync();
      } catch {
        // Its app was deleted: it may come again.
      }
    });
  }

  wake(): void {
    this.#wake();
  }

  /** Follows the apps that the selectors name, and no longer those that are gone. */
  sync(): void {
    const { fleet, followers } = this.#services;
    const { names } = fleet;
    this.#leave(new Set(names));
    const targets = resolveSelectors(this.#params.selectors.map(parseSelector), names);
    for (const { app, index } of targets) {
      const one = index === undefined ? undefined : fleet.app(app);
      if (one && index !== undefined && index >= one.instances && !fleet.instance(app, index))
        throw new VelosError("INSTANCE_NOT_FOUND", { app, index, range: `0 to ${one.instances - 1}` });
    }
    this.#indexes = byApp(targets);
    for (const app of this.#indexes.keys()) {
      if (!this.#follows.has(app))
        this.#follows.set(
          app,
          followers.follow(app, (batch) => this.#push(batch)),
        );
    }
  }

  /** Comes before the selectors are resolved: one that names nothing any more fails. */
  #leave(names: ReadonlySet<string>): void {
    for (const [app, end] of this.#follows) {
      if (names.has(app)) continue;
      this.#follows.delete(app);
      setTimeout(end, LAST_LINES_MS).unref();
    }
  }

  /** Begins with what comes after the past that was given, and after a cursor, where the past began at one. */
  begin(past: readonly Line[], wanted: number, cursor?: string): void {
    this.#beginAt(cursor);
    for (const line of past) this.#given.set(sourceOf(line), line);
    // A past that was cut leaves out what is before it; one that was not is all there is.
    this.#floor = wanted === 0 ? this.#joinedAt : past.length < wanted ? 0 : past[0]!.at;
    const [app, ...others] = this.#follows.keys();
    if (app === undefined || others.length > 0) return;
    this.#cursor = new LogCursor(app, cursor);
    for (const line of past) this.#cursor.pass(line);
  }

  #beginAt(text: string | undefined): void {
    const [app] = this.#follows.keys();
    if (text === undefined || app === undefined) return;
    const cursor = new LogCursor(app, text);
    const at = cursor.position?.at ?? 0;
    for (const [index, place] of cursor.places) this.#given.set(index === "" ? app : `${app}:${index}`, { at, place });
  }

  async next(gone: AbortSignal): Promise<Given | undefined> {
    while (this.#waiting.length === 0 && this.#skipped === 0 && !gone.aborted) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#skipped > 0) {
      const skipped = this.#skipped;
      this.#skipped = 0;
      return { lines: [], skipped };
    }
    const batch = this.#waiting.shift();
    if (!batch) return undefined;
    this.#count -= batch.lines.length;
    const lines = batch.lines.filter((line) => this.#isWanted(line));
    if (lines.length === 0) return undefined;
    for (const line of lines) this.#cursor?.pass(line);
    const cursor = this.#cursor?.toString();
    return {
      lines: lines.map(({ place: _, ...line }) => line),
      ...(cursor !== undefined && { cursor }),
      ...(lines.length === batch.lines.length && { whole: batch }),
    };
  }

  close(): void {
    this.#offChange();
    for (const end of this.#follows.values()) end();
  }

  #push(batch: Batch): void {
    this.#waiting.push(batch);
    this.#count += batch.lines.length;
    while (this.#count > MAX_WAITING && this.#waiting.length > 1) {
      const left = this.#waiting.shift()!.lines.length;
      this.#count -= left;
      this.#skipped += left;
    }
    this.#wake();
  }

  #isWanted(line: Line): boolean {
    const { level } = this.#params;
    if (!this.#isNew(line)) return false;
    const indexes = this.#indexes.get(line.app);
    if (indexes && !indexes.has(line.index)) return false;
    if (level !== undefined && !isAtLeast(line.level, level)) return false;
    return this.#pattern?.test(line.message) ?? true;
  }

  /** False for a line of the past: all up to the last one of its source that was given. */
  #isNew(line: Line): boolean {
    const source = sourceOf(line);
    const last = this.#given.get(source);
    if (!isAfter(line, last, this.#floor)) return false;
    this.#given.set(source, line);
    return true;
  }
}

const isAfter = (line: Line, last: Pick<Line, "at" | "place"> | undefined, floor: number): boolean => {
  if (!last) return line.at > floor;
  const order = placeOrder(line.place ?? "", last.place ?? "");
  return order === undefined ? line.place !== last.place && line.at >= last.at : order > 0;
};

/** What has an order of its own: the log of an instance, or that of the app. */
const sourceOf = ({ app, index, place }: Line): string => (place?.startsWith(`${index}@`) ? `${app}:${index}` : app);

const byApp = (targets: readonly Target[]): Map<string, Set<number> | undefined> => {
  const found = new Map<string, Set<number> | undefined>();
  for (const { app, index } of targets) {
    if (index === undefined) found.set(app, undefined);
    else found.set(app, (found.get(app) ?? new Set()).add(index));
  }
  return found;
};
