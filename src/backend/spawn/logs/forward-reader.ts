import { open } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import type { LogFile } from "./log-file.ts";

const CHUNK_BYTES = 64 * 1024;
const MAX_LINE_CHARACTERS = 1024 * 1024;

/** Reads what is added to a log, line by line, across rotations. */
export class ForwardReader {
  readonly #file: LogFile;
  readonly #decoder = new StringDecoder("utf8");
  #at: number;
  #rest = "";

  constructor(file: LogFile, at: number) {
    this.#file = file;
    this.#at = at;
  }

  /**
   * The lines that are complete by now, of the next chunk.
   * @returns undefined when everything there is has been read
   */
  next(): Promise<string[] | undefined> {
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
      return bytesRead === 0 ? undefined : this.#split(this.#decoder.write(chunk.subarray(0, bytesRead)));
    });
  }

  #split(text: string): string[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length <= MAX_LINE_CHARACTERS) return lines;
    lines.push(this.#rest);
    this.#rest = "";
    return lines;
  }
}
