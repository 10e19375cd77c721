/** Requests by method and outcome (`OK` or an error code), with the time they took. */
export class RequestCounters {
  readonly #counts = new Map<string, { method: string; code: string; count: number; seconds: number }>();

  /** @param began from `process.hrtime.bigint()` */
  count(method: string, code: string, began: bigint): void {
    const key = `${method} ${code}`;
    const entry = this.#counts.get(key) ?? { method, code, count: 0, seconds: 0 };
    entry.count++;
    entry.seconds += Number(process.hrtime.bigint() - began) / 1e9;
    this.#counts.set(key, entry);
  }

  all(): readonly { method: string; code: string; count: number; seconds: number }[] {
    return [...this.#counts.values()];
  }
}
