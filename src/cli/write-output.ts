import { randomUUID } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** How a file is written that somebody asked for. */
export interface OutputOptions {
  /** Replaces a file that is there. */
  force: boolean;
  /** It holds secrets: nobody but its owner may read it. */
  isPrivate: boolean;
}

/** Writes a file. @throws the error of the system, EEXIST where there is one that is not to be replaced */
export const writeOutput = async (path: string, text: string, { force, isPrivate }: OutputOptions): Promise<void> => {
  if (force && isPrivate) return replacePrivate(path, text);
  await writeFile(path, text, { flag: force ? "w" : "wx", mode: isPrivate ? 0o600 : 0o644 });
};

/** The mode of a file that is there stays as it is, and who has it open would read on: a new one takes its place. */
const replacePrivate = async (path: string, text: string): Promise<void> => {
  const next = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  try {
    await writeFile(next, text, { flag: "wx", mode: 0o600 });
    await rename(next, path);
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  }
};
