/** What velosd asks before it leaves, and how it does. */
export interface IdleExitOptions {
  /** How long nothing may have been asked of velosd, in milliseconds. */
  afterMs: number;
  isNeeded: () => boolean;
  /** Leaves; resolves to false when velosd turned out to be needed on the way, and stays. */
  leave: () => Promise<boolean>;
}

/**
 * Has velosd leave when it is needed for nothing: its socket stays with the service manager, and whoever connects starts
 * it again. Leaves between once and twice `afterMs` after the last need.
 */
export class IdleExit {
  readonly #options: IdleExitOptions;
  #usedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: IdleExitOptions) {
    this.#options = options;
    this.#wait(options.afterMs);
  }

  /** To be told of whatever velosd was just there for. */
  used(): void {
    this.#usedAt = performance.now();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#look(), Math.max(1, ms)).unref();
  }

  async #look(): Promise<void> {
    const { afterMs, isNeeded, leave } = this.#options;
    const left = this.#usedAt + afterMs - performance.now();
    // Timers may fire a fraction early.
    if (left > 1) return this.#wait(left);
    if (isNeeded() || !(await leave())) this.#wait(afterMs);
  }
}
