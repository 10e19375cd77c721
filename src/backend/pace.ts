import { setImmediate as nextTurn } from "node:timers/promises";

/** How long a piece of work may hold the event loop before others get their turn, in milliseconds. */
const SLICE_MS = 4;

/**
 * Keeps long work polite: `if (pace.isDue()) await pace.rest()` between small steps. Looking at the clock costs 50 ns,
 * an await that is not needed would cost more than many of the steps.
 */
export class Pace {
  #began = performance.now();

  isDue(): boolean {
    return performance.now() - this.#began > SLICE_MS;
  }

  async rest(): Promise<void> {
    await nextTurn();
    this.#began = performance.now();
  }
}
