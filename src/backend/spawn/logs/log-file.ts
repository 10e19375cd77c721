import { existsSync, statSync } from "node:fs";
import { Marks } from "./marks.ts";
import { Mutex } from "./mutex.ts";
import { rotatedPath } from "./paths.ts";
import { recoverRotation } from "./recover-rotation.ts";

/** A file of a log, and the positions it covers: `end` is the one after its last byte. */
export interface Segment {
  path: string;
  start: number;
  end: number;
}

/**
 * The log of an instance: the file it writes to and the rotated ones, read as one stream. Positions count bytes from
 * the first one ever written and stay what they are when the log is rotated.
 */
export class LogFile {
  readonly path: string;
  readonly marks: Marks;
  /** Held while the files are read or rotated. */
  readonly mutex = new Mutex();
  /** True while the head of the file is being cut off: its length means nothing then. */
  isCutting = false;
  /** False once the file system has refused to cut the head off. */
  canCollapse = true;
  /** Earliest time of the next try, after a rotation that failed; milliseconds since the epoch. */
  retryAt = 0;
  #looked: { at: number; end: number };

  readonly #now: () => number;

  constructor(path: string, now: () => number = Date.now) {
    this.path = path;
    this.#now = now;
    this.marks = new Marks(path);
    recoverRotation(path, this.marks);
    this.#looked = { ...this.marks.last };
  }

  /** Bytes in the file that is written to. */
  get size(): number {
    return sizeOf(this.path);
  }

  /** Notes how long the log is now. Costs a stat, and an append when it has grown. @returns whether it has grown */
  look(): boolean {
    if (this.isCutting) return false;
    const now = this.#now();
    const stat = statSync(this.path, { throwIfNoEntry: false });
    const before = this.#looked;
    // Somebody else emptied the file: what it held is gone, and positions go on where they were.
    if (this.marks.base + (stat?.size ?? 0) < before.end) this.#note(() => this.marks.rebase(before.end));
    const end = this.marks.base + (stat?.size ?? 0);
    this.#looked = { at: now, end };
    if (stat === undefined || end <= before.end) return false;
    const marks = before.at > this.marks.last.at ? [before] : [];
    // Modification times may come from a coarser clock than `now`.
    marks.push({ at: Math.max(before.at, Math.min(now, stat.mtimeMs)), end });
    this.#note(() => this.marks.append(marks, () => this.segments().at(-1)?.start ?? 0));
    return true;
  }

  #note(write: () => void): void {
    try {
      write();
    } catch {
      // A full disk: the lines' times become less exact, no more.
    }
  }

  /** The files that make up the log, the latest first. To be asked, and read, under the mutex. */
  segments(): Segment[] {
    const { base } = this.marks;
    const segments: Segment[] = [{ path: this.path, start: base, end: base + this.size }];
    for (let age = 1, end = base; existsSync(rotatedPath(this.path, age)); age++) {
      const path = rotatedPath(this.path, age);
      const start = end - sizeOf(path);
      segments.push({ path, start, end });
      end = start;
    }
    return segments;
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
