import { closeSync, openSync, readdirSync, readSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Marks } from "./marks.ts";
import { shiftIn } from "./shift.ts";

/**
 * Ends a rotation that velosd's death interrupted. A copy is there: either its part was still in the log, then the copy
 * goes; or it was cut off already, then the copy is all there is of it and takes its place.
 */
export const recoverRotation = (path: string, marks: Marks): void => {
  const prefix = `${basename(path)}.rotating.`;
  for (const name of entries(dirname(path))) {
    if (!name.startsWith(prefix)) continue;
    const copy = join(dirname(path), name);
    const wasNoted = marks.base >= Number(name.slice(prefix.length));
    if (!wasNoted && beginsWith(path, copy)) {
      rmSync(copy);
      continue;
    }
    if (!wasNoted) marks.rebase(marks.base + statSync(copy).size);
    // How many are kept is not known here; the next rotation drops what is too many.
    shiftIn(path, copy, Infinity);
  }
};

/** True when the content of `head` is what the file begins with. */
const beginsWith = (path: string, head: string): boolean => {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < statSync(head).size) return false;
  const [a, b] = [openSync(path, "r"), openSync(head, "r")];
  try {
    const [left, right] = [Buffer.alloc(65_536), Buffer.alloc(65_536)];
    for (let at = 0; ;) {
      const length = readSync(b, right, 0, right.length, at);
      if (length === 0) return true;
      readSync(a, left, 0, length, at);
      if (left.compare(right, 0, length, 0, length) !== 0) return false;
      at += length;
    }
  } finally {
    closeSync(a);
    closeSync(b);
  }
};

const entries = (directory: string): string[] => {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
};
