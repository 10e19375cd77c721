import { setTimeout as delay } from "node:timers/promises";

/** How often is looked where no event tells. */
const INTERVAL_MS = 10;

/**
 * Looks until the condition gives a value that is not false, undefined or null, and returns it.
 * @param what for the message when it does not come true in time
 */
export const until = async <T>(
  what: string,
  look: () => T | Promise<T>,
  withinMs = 15_000,
): Promise<Exclude<T, false | undefined | null>> => {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== false && found !== undefined && found !== null) return found as Exclude<T, false | undefined | null>;
    if (performance.now() > deadline) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
    await delay(INTERVAL_MS);
  }
};

/** The middle one. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
