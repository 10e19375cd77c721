import { VelosError } from "../domain/errors.ts";

/** Each question about a log is a `journalctl` that reads as fast as the disk lets it. */
const AT_ONCE = 4;
const WAITING = 64;

/** Lets a few questions about logs go on at once; some more wait, and the others are told to come back. */
export class LogLimits {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @throws VelosError TOO_MANY_REQUESTS */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE) {
      if (this.#waiting.length >= WAITING)
        throw new VelosError("TOO_MANY_REQUESTS", { why: `${AT_ONCE + WAITING} questions about logs are under way` });
      // Whoever ends hands over its place.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
