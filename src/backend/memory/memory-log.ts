import { VelosError } from "../../domain/errors.ts";
import { isAtLeast, levelOf } from "../../domain/log-level.ts";
import type { LogLine, LogQuery } from "../backend.ts";

/** Lines of every instance, in the order in which they were written. */
export class MemoryLog {
  #lines: LogLine[] = [];
  #written = 0;
  readonly #wakes = new Set<() => void>();

  write(app: string, index: number, text: string, nowMs: number): void {
    const place = String(++this.#written);
    this.#lines.push({ at: nowMs * 1000, app, index, stream: "stdout", ...levelOf(text), place });
    for (const wake of this.#wakes) wake();
  }

  drop(app: string): void {
    this.#lines = this.#lines.filter((line) => line.app !== app);
  }

  async *read(query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine> {
    const pattern = typeof query.grep === "string" ? new RegExp(query.grep, "u") : query.grep;
    const matches = (line: LogLine): boolean =>
      line.app === query.app &&
      (query.index === undefined || line.index === query.index) &&
      (query.since === undefined || line.at >= query.since * 1000) &&
      (query.until === undefined || line.at <= query.until * 1000) &&
      (query.level === undefined || isAtLeast(line.level, query.level)) &&
      (pattern === undefined || pattern.test(line.message));
    const given = new Set(this.#lines);
    const after = query.after && placeNumber(query.after.places);
    const past = this.#lines.filter((line) => matches(line) && (after === undefined || Number(line.place) > after));
    yield* query.lines === 0 ? [] : after === undefined ? past.slice(-query.lines) : past.slice(0, query.lines);
    if (!query.follow) return;
    let wake = (): void => undefined;
    const onWake = (): void => wake();
    this.#wakes.add(onWake);
    signal.addEventListener("abort", onWake);
    try {
      while (!signal.aborted) {
        const fresh = this.#lines.filter((line) => !given.has(line));
        for (const line of fresh) given.add(line);
        yield* fresh.filter(matches);
        if (fresh.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.#wakes.delete(onWake);
      signal.removeEventListener("abort", onWake);
    }
  }
}

const placeNumber = (places: readonly string[]): number => {
  const [place = "0"] = places;
  if (places.length > 1 || !/^\d{1,15}$/.test(place)) throw new VelosError("CURSOR_INVALID", { why: `'${place}'` });
  return Number(place);
};
