/** How many instances' lines are put together before they are written: few enough to be in the processor's cache. */
const CHUNK = 64;

/**
 * The samples of one family as bytes. Lines are written in chunks into a buffer that stays: one text of 3 MB made of
 * 40,000 lines takes three times as long to put together and encode.
 */
export class FamilyBody {
  #buffer = Buffer.alloc(0);
  #length = 0;

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Takes the lines `first` to `end` of each instance. They are ASCII: names of apps, numbers, and words of velos. */
  write(all: readonly { texts: readonly string[] }[], first: number, end: number): void {
    // The bytes of before may still be on their way to a slow reader.
    this.#buffer = Buffer.allocUnsafe(this.#length + 4096);
    this.#length = 0;
    for (let from = 0; from < all.length; from += CHUNK) {
      let chunk = "";
      const to = Math.min(all.length, from + CHUNK);
      for (let at = from; at < to; at++) {
        const { texts } = all[at]!;
        for (let line = first; line < end; line++) chunk += texts[line]!;
      }
      this.#makeRoom(chunk.length);
      this.#length += this.#buffer.write(chunk, this.#length, "latin1");
    }
  }

  #makeRoom(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe((this.#length + bytes) * 2);
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
