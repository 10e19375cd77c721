/** What was told last, for who comes back: numbered without a gap, and bounded by count and size. */
export class Ring {
  #frames: Buffer[] = [];
  /** Number of the first frame that is kept. */
  #first = 1;
  #bytes = 0;
  readonly #maxCount: number;
  readonly #maxBytes: number;

  constructor(maxCount: number, maxBytes: number) {
    [this.#maxCount, this.#maxBytes] = [maxCount, maxBytes];
  }

  /** Number of the last frame; 0 at the beginning. */
  get last(): number {
    return this.#first + this.#frames.length - 1;
  }

  /** Adds the frame that comes after the last one. */
  add(frame: Buffer): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    while (this.#frames.length > 1 && (this.#frames.length > this.#maxCount || this.#bytes > this.#maxBytes)) {
      this.#bytes -= this.#frames.shift()!.length;
      this.#first++;
    }
  }

  /** Forgets everything up to the last frame, which nobody can go on from any more. */
  clear(): void {
    this.#first = this.last + 1;
    this.#frames = [];
    this.#bytes = 0;
  }

  /** The frames after a number; undefined when some of them are not kept any more, or it was never given. */
  after(seq: number): Buffer[] | undefined {
    if (seq > this.last || seq < this.#first - 1) return undefined;
    return this.#frames.slice(seq - this.#first + 1);
  }
}
