import { execFile } from "node:child_process";
import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { statfs } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import type { LogFile } from "./log-file.ts";
import { rotatingPath } from "./paths.ts";
import { shiftIn } from "./shift.ts";

const run = promisify(execFile);

const fallocate = ["/usr/bin/fallocate", "/bin/fallocate"].find((path) => existsSync(path));

/**
 * Moves what is in the log to `<index>.log.1`, while its writers go on: they keep their descriptor, so the file itself
 * must stay and lose its head.
 *
 * Where the file system can (ext4, xfs), the head is cut off with `fallocate --collapse-range`, atomically for writers
 * that append: not a byte is lost. It works in whole blocks and leaves at least a byte, so a line may begin in one file
 * and end in the next; read in order they are whole.
 *
 * Elsewhere (tmpfs, btrfs, NFS, macOS) the file is copied and truncated, the last part in the same breath as the
 * truncation. What is written in between is lost, which is why the store waits for a pause of the writer. Without one:
 * a process that did nothing but write lines of 70 bytes, 600,000 a second, lost 65 of them in each rotation on tmpfs.
 *
 * @param keep rotated files to keep; 0: what is cut off is gone
 */
export const rotate = (file: LogFile, keep: number): Promise<void> =>
  file.mutex.run(async () => {
    if (fallocate !== undefined && file.canCollapse) {
      const block = (await statfs(file.path)).bsize;
      const length = Math.floor((file.size - 1) / block) * block;
      // Less than a block cannot be collapsed: wait for more.
      if (length <= 0) return;
      file.canCollapse = await collapse(file, length, keep);
      if (file.canCollapse) return;
    }
    await truncate(file, keep);
  });

/** @returns false when the file system cannot collapse; nothing has changed then */
const collapse = async (file: LogFile, length: number, keep: number): Promise<boolean> => {
  const { path, marks } = file;
  const copy = rotatingPath(path, marks.base + length);
  try {
    if (keep > 0) await pipeline(createReadStream(path, { end: length - 1 }), createWriteStream(copy, { mode: 0o640 }));
    file.isCutting = true;
    await run(fallocate!, ["--collapse-range", "--offset", "0", "--length", String(length), path]);
  } catch (error) {
    rmSync(copy, { force: true });
    // fallocate's own refusal has an exit code; a copy that failed (a full disk) has the name of an error.
    if (typeof (error as { code?: unknown }).code === "number") return false;
    throw error;
  } finally {
    file.isCutting = false;
  }
  marks.rebase(marks.base + length);
  if (keep > 0) shiftIn(path, copy, keep);
  return true;
};

/** Reads that are left to the last, synchronous part of the copy: no more than this many bytes. */
const LAST_PART_BYTES = 256 * 1024;

/** How often the copy may run after a writer that is as fast, before the rest is copied at one go. */
const MAX_ROUNDS = 20;

const truncate = async (file: LogFile, keep: number): Promise<void> => {
  const { path, marks } = file;
  const copy = rotatingPath(path, marks.base + file.size);
  try {
    let length = 0;
    for (let round = 0; round < MAX_ROUNDS && file.size - length > LAST_PART_BYTES; round++) {
      const end = file.size;
      await pipeline(
        createReadStream(path, { start: length, end: end - 1 }),
        createWriteStream(copy, { flags: "a", mode: 0o640 }),
      );
      length = end;
    }
    // From here to the new base nothing else may run.
    length = cutWithTail(path, copy, length);
    marks.rebase(marks.base + length);
  } catch (error) {
    rmSync(copy, { force: true });
    throw error;
  }
  shiftIn(path, copy, keep);
};

/** Copies what has come since, and truncates at once. @returns how much was copied in all */
const cutWithTail = (path: string, copy: string, from: number): number => {
  const source = openSync(path, "r+");
  const target = openSync(copy, "a", 0o640);
  try {
    const buffer = Buffer.allocUnsafe(LAST_PART_BYTES);
    let at = from;
    for (;;) {
      const count = readSync(source, buffer, 0, buffer.length, at);
      if (count === 0) {
        ftruncateSync(source, 0);
        return at;
      }
      writeSync(target, buffer, 0, count);
      at += count;
    }
  } finally {
    closeSync(source);
    closeSync(target);
  }
};
