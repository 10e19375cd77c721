import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { marksPath } from "./paths.ts";

/**
 * At `at` (milliseconds since the epoch) the log was `end` bytes long, counted from its first byte ever, whatever has
 * been rotated away since.
 */
export interface Mark {
  at: number;
  end: number;
}

/** The marks file is thinned when it gets larger. */
const MAX_BYTES = 256 * 1024;

/**
 * When the bytes of a log were written. Lines in a plain file carry no time, so velosd notes how long the file was when:
 * `<index>.log.marks`, a line `base N` (the position of the log's first byte) and then lines `<at> <end>`.
 *
 * What velosd sees is exact for the last line before each look, since the file's own time of modification is noted; the
 * lines between two looks (1 s, or 250 ms while the log grows) are spread evenly. While velosd is away the two looks are
 * far apart: then only a line's own timestamp tells.
 */
export class Marks {
  readonly #path: string;
  #bytes: number;
  #last: Mark;
  #base: number;

  constructor(logPath: string) {
    this.#path = marksPath(logPath);
    const text = read(this.#path);
    const { base, marks } = parse(text);
    this.#bytes = text.length;
    this.#base = base;
    this.#last = marks.at(-1) ?? { at: 0, end: base };
  }

  get base(): number {
    return this.#base;
  }

  get last(): Mark {
    return this.#last;
  }

  /** @param oldest tells the position of the first byte that is still kept in any file, for thinning */
  append(marks: readonly Mark[], oldest: () => number): void {
    const last = marks.at(-1);
    if (last === undefined) return;
    this.#last = last;
    const text = (this.#bytes === 0 ? `base ${this.#base}\n` : "") + format(marks);
    appendFileSync(this.#path, text, { mode: 0o640 });
    this.#bytes += text.length;
    if (this.#bytes > MAX_BYTES) this.#rewrite(thin(this.load(), oldest()));
  }

  /** Says where the log begins now that its head was cut off. */
  rebase(base: number): void {
    this.#base = base;
    this.#rewrite(this.load());
  }

  load(): Mark[] {
    return parse(read(this.#path)).marks;
  }

  #rewrite(marks: readonly Mark[]): void {
    const text = `base ${this.#base}\n${format(marks)}`;
    writeFileSync(`${this.#path}.new`, text, { mode: 0o640 });
    renameSync(`${this.#path}.new`, this.#path);
    this.#bytes = text.length;
  }
}

/** Drops what is before `oldest`, and every second of the older half. */
export const thin = (marks: readonly Mark[], oldest: number): Mark[] => {
  const half = marks.length / 2;
  return marks.filter((mark, at) => (marks[at + 1]?.end ?? Infinity) >= oldest && (at >= half || at % 2 === 0));
};

/** Between which two moments the byte at `end` was written, and the most likely one between them. */
export const timeAt = (marks: readonly Mark[], end: number, now: number): { from: number; at: number; to: number } => {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (marks[middle]!.end < end) low = middle + 1;
    else high = middle;
  }
  const before = marks[low - 1];
  const after = marks[low] ?? { at: now, end };
  if (before === undefined) return { from: 0, at: after.at, to: after.at };
  const share = after.end === before.end ? 1 : (end - before.end) / (after.end - before.end);
  return { from: before.at, at: before.at + Math.max(0, after.at - before.at) * share, to: after.at };
};

const format = (marks: readonly Mark[]): string => marks.map(({ at, end }) => `${Math.round(at)} ${end}\n`).join("");

const parse = (text: string): { base: number; marks: Mark[] } => {
  let base = 0;
  const marks: Mark[] = [];
  for (const line of text.split("\n")) {
    const [first, second] = line.split(" ");
    const [at, end] = [Number(first), Number(second)];
    if (first === "base" && Number.isFinite(end)) base = end;
    else if (line !== "" && Number.isFinite(at) && Number.isFinite(end)) marks.push({ at, end });
  }
  return { base, marks };
};

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
};
