import { VelosError } from "../../domain/errors.ts";

/** How many tokens that are none an address may show in a minute. A person who mistypes needs a few. */
const MAX_WRONG = 30;
const WINDOW_MS = 60_000;
/** How many addresses are remembered; beyond that the ones longest known go. */
const MAX_ADDRESSES = 10_000;

interface Attempts {
  wrong: number;
  endsAt: number;
  /** Whose token this address has shown before it was shut out. */
  known: Set<string>;
}

/**
 * Keeps tokens from being guessed: an address that has shown too many wrong ones is heard no more for the rest of the
 * minute, right or wrong, but for clients that were there before, as behind a proxy, where all have one address.
 */
export class WrongTokens {
  readonly #byAddress = new Map<string, Attempts>();
  readonly #now: () => number;

  /** @param now milliseconds that only grow */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Takes note of a token that was shown.
   * @param client the name of whose it is; undefined: nobody's
   * @throws VelosError TOO_MANY_REQUESTS: whether it was right is not told
   */
  shown(address: string, client: string | undefined): void {
    const now = this.#now();
    let attempts = this.#byAddress.get(address);
    if (!attempts || attempts.endsAt <= now) {
      attempts = { wrong: 0, endsAt: now + WINDOW_MS, known: attempts?.known ?? new Set() };
      this.#remember(address, attempts);
    }
    if (client === undefined) attempts.wrong++;
    if (attempts.wrong <= MAX_WRONG) {
      if (client !== undefined) attempts.known.add(client);
      return;
    }
    if (client !== undefined && attempts.known.has(client)) return;
    throw new VelosError("TOO_MANY_REQUESTS", {
      why: `${address} has shown more than ${MAX_WRONG} wrong tokens in a minute`,
    });
  }

  #remember(address: string, attempts: Attempts): void {
    this.#byAddress.delete(address);
    this.#byAddress.set(address, attempts);
    const [oldest] = this.#byAddress.keys();
    if (this.#byAddress.size > MAX_ADDRESSES) this.#byAddress.delete(oldest!);
  }
}
