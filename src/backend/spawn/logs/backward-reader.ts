import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import type { Segment } from "./log-file.ts";

/** A line, without its line break, and the position after it. */
export interface RawLine {
  text: string;
  end: number;
  /** How long it is, with its line break. */
  bytes: number;
  /** False for a last line that has no line break yet, and for a piece of an overlong one. */
  isWhole: boolean;
}

const CHUNK_BYTES = 64 * 1024;
/** A longer line is given in pieces, so that a file without line breaks does not fill the memory. */
const MAX_LINE_BYTES = 1024 * 1024;
const NEWLINE = 10;

/** Reads the lines of a log from the last to the first, as far as it is asked to: a chunk at a time. */
export class BackwardReader {
  readonly #segments: Segment[];
  #handle: FileHandle | undefined;
  /** Position of the first byte that has been read. */
  #at: number;
  /** Beginning of a line whose first part has not been read yet. */
  #rest: Buffer = Buffer.alloc(0);
  /** Lines that were read and not given yet, the latest first. */
  #lines: RawLine[] = [];
  #given = 0;

  /** @param segments the latest first. @param end where to begin: the position after the last line break to look at */
  constructor(segments: readonly Segment[], end: number) {
    this.#segments = segments.filter((segment) => segment.start < end);
    this.#at = end;
  }

  /** The line before the last one that was given; undefined at the beginning of the log. */
  async previous(): Promise<RawLine | undefined> {
    while (this.#given === this.#lines.length) {
      this.#lines.length = this.#given = 0;
      if (!(await this.#fill())) return undefined;
    }
    return this.#lines[this.#given++];
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #fill(): Promise<boolean> {
    const segment = this.#segments[0];
    if (segment === undefined) return this.#giveRest();
    const to = Math.min(this.#at, segment.end);
    const from = Math.max(segment.start, to - CHUNK_BYTES);
    if (to <= segment.start) {
      this.#segments.shift();
      await this.close();
      return true;
    }
    this.#handle ??= await open(segment.path, "r");
    const chunk = Buffer.allocUnsafe(to - from);
    await this.#handle.read(chunk, 0, chunk.length, from - segment.start);
    this.#split(this.#rest.length === 0 ? chunk : Buffer.concat([chunk, this.#rest]), from);
    this.#at = from;
    return true;
  }

  /** Cuts a piece that begins at `start` into lines; what comes before its first line break may be the end of one. */
  #split(piece: Buffer, start: number): void {
    let end = piece.length;
    while (end > 0) {
      // The break that ends the line before; the one at `end` itself belongs to the line at hand.
      const at = piece.lastIndexOf(NEWLINE, end - (piece[end - 1] === NEWLINE ? 2 : 1));
      if (at < 0 || end === 1) break;
      this.#give(piece.subarray(at + 1, end), start + end);
      end = at + 1;
    }
    this.#rest = piece.subarray(0, end);
    if (this.#rest.length <= MAX_LINE_BYTES) return;
    this.#give(this.#rest, start + end);
    this.#rest = Buffer.alloc(0);
  }

  #giveRest(): boolean {
    if (this.#rest.length === 0) return false;
    this.#give(this.#rest, this.#at + this.#rest.length);
    this.#rest = Buffer.alloc(0);
    return true;
  }

  #give(bytes: Buffer, end: number): void {
    const isWhole = bytes[bytes.length - 1] === NEWLINE;
    const text = bytes.toString("utf8", 0, isWhole ? bytes.length - 1 : bytes.length);
    this.#lines.push({ text, end, bytes: bytes.length, isWhole });
  }
}
