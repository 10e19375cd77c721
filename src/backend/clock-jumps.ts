/** Less than this is the clock being brought in line, which nobody notices. */
const JUMP_MS = 1000;

const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/**
 * Notices that somebody set the clock. How long something has lasted is found by comparing moments of the clock, some of
 * which were noted before: those are moved along, so that nothing seems to have lasted an hour longer, or not yet.
 */
export class ClockJumps {
  readonly #now: () => number;
  readonly #monotonic: () => number;
  /** What the clock shows more than the time since boot, as of the last jump. */
  #offset: number;

  /** @param monotonic milliseconds of a clock that nobody can set: CLOCK_MONOTONIC, as systemd's */
  constructor(now: () => number = Date.now, monotonic: () => number = monotonicMs) {
    this.#now = now;
    this.#monotonic = monotonic;
    this.#offset = now() - monotonic();
  }

  /** By how many milliseconds the clock has jumped since this was last asked; 0: not at all. */
  since(): number {
    const offset = this.#now() - this.#monotonic();
    const jump = Math.round(offset - this.#offset);
    if (Math.abs(jump) < JUMP_MS) return 0;
    this.#offset = offset;
    return jump;
  }

  /**
   * The moment that both clocks noted, as the clock now has it: the same each time until the next jump.
   * @param at what the clock showed then
   * @param monotonicAt the time since boot then; 0: not noted
   */
  moved(at: number, monotonicAt: number): number {
    if (monotonicAt === 0) return at;
    this.since();
    const jump = Math.round(this.#offset - (at - monotonicAt));
    return Math.abs(jump) < JUMP_MS ? at : at + jump;
  }
}
