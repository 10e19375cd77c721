import { open } from "node:fs/promises";
import type { LogFile } from "./log-file.ts";

const CHUNK_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 1024 * 1024;
const NEWLINE = 10;

/** A line, without its line break, and the position after it. */
export interface AddedLine {
  text: string;
  end: number;
}

/** Reads what is added to a log, line by line, across rotations. */
export class ForwardReader {
  readonly #file: LogFile;
  #at: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(file: LogFile, at: number) {
    this.#file = file;
    this.#at = at;
  }

  /**
   * The lines that are complete by now, of the next chunk.
   * @returns undefined when everything there is has been read
   */
  next(): Promise<AddedLine[] | undefined> {
    return this.#file.mutex.run(async () => {
      let segments = this.#file.segments();
      if (segments[0]!.end < this.#at) {
        // Somebody else emptied the file: begin again with what is in it now.
        this.#file.look();
        segments = this.#file.segments();
        this.#at = segments[0]!.start;
      }
      const segment = segments.find(({ start }) => start <= this.#at) ?? segments.at(-1)!;
      const from = Math.max(this.#at, segment.start);
      const length = Math.min(CHUNK_BYTES, segment.end - from);
      if (length <= 0) return undefined;
      const chunk = Buffer.allocUnsafe(length);
      const handle = await open(segment.path, "r");
      const { bytesRead } = await handle.read(chunk, 0, length, from - segment.start).finally(() => handle.close());
      this.#at = from + bytesRead;
      return bytesRead === 0 ? undefined : this.#split(chunk.subarray(0, bytesRead), from);
    });
  }

  #split(chunk: Buffer, from: number): AddedLine[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const start = from - this.#rest.length;
    const lines: AddedLine[] = [];
    let begin = 0;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, begin)) {
      lines.push({ text: bytes.toString("utf8", begin, at), end: start + at + 1 });
      begin = at + 1;
    }
    this.#rest = bytes.subarray(begin);
    if (this.#rest.length <= MAX_LINE_BYTES) return lines;
    lines.push({ text: this.#rest.toString("utf8"), end: start + bytes.length });
    this.#rest = Buffer.alloc(0);
    return lines;
  }
}
