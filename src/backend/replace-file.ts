import { randomUUID } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export interface ReplaceOptions {
  /** Of the new file, whatever one that was there had. */
  mode: number;
  /** Waits until the content is on the disk, for a file that is to outlast the machine's own end. Default: false. */
  flush?: boolean;
}

/**
 * Writes a file whose directory is there so that whoever reads it finds the old content or the new, and the old one still
 * where the new could not be written. Meanwhile there is a file beside it, of which the name begins with a dot and ends
 * with `.tmp`.
 */
export const replaceFile = async (
  path: string,
  content: string,
  { mode, flush = false }: ReplaceOptions,
): Promise<void> => {
  const next = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    await writeFile(next, content, { flag: "wx", mode, flush });
    await rename(next, path);
  } catch (error) {
    await rm(next, { force: true }).catch(() => {});
    throw error;
  }
};
