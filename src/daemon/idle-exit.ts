/** What velosd asks before it leaves, and how it does. */
export interface IdleExitOptions {
  /** How long nothing may have been asked of velosd, in milliseconds; 0: it never leaves. */
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

  #afterMs: number;

  constructor(options: IdleExitOptions) {
    this.#options = options;
    this.#afterMs = options.afterMs;
    this.#wait(this.#afterMs);
  }

  get afterMs(): number {
    return this.#afterMs;
  }

  /** From now on another time counts. */
  change(afterMs: number): void {
    this.#afterMs = afterMs;
    this.#usedAt = performance.now();
    clearTimeout(this.#timer);
    this.#wait(afterMs);
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
    clearTimeout(this.#timer);
    if (this.#closed || this.#afterMs === 0) return;
    this.#timer = setTimeout(() => void this.#look(), Math.max(1, ms)).unref();
  }

  async #look(): Promise<void> {
    const { isNeeded, leave } = this.#options;
    const left = this.#usedAt + this.#afterMs - performance.now();
    // Timers may fire a fraction early.
    if (left > 1) return this.#wait(left);
    if (isNeeded() || !(await leave())) this.#wait(this.#afterMs);
  }
}
