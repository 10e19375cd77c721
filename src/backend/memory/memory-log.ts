import { isAtLeast, levelOf } from "../../domain/log-level.ts";
import type { LogLine, LogQuery } from "../backend.ts";

/** Lines of every instance, in the order in which they were written. */
export class MemoryLog {
  #lines: LogLine[] = [];
  readonly #wakes = new Set<() => void>();

  write(app: string, index: number, text: string, nowMs: number): void {
    this.#lines.push({ at: nowMs * 1000, app, index, stream: "stdout", ...levelOf(text) });
    for (const wake of this.#wakes) wake();
  }

  drop(app: string): void {
    this.#lines = this.#lines.filter((line) => line.app !== app);
  }

  async *read(query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine> {
    const pattern = query.grep === undefined ? undefined : new RegExp(query.grep, "u");
    const matches = (line: LogLine): boolean =>
      line.app === query.app &&
      (query.index === undefined || line.index === query.index) &&
      (query.since === undefined || line.at >= query.since * 1000) &&
      (query.until === undefined || line.at <= query.until * 1000) &&
      (query.level === undefined || isAtLeast(line.level, query.level)) &&
      (pattern === undefined || pattern.test(line.message));
    const given = new Set(this.#lines);
    yield* query.lines === 0 ? [] : this.#lines.filter(matches).slice(-query.lines);
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
