import { writeFile } from "node:fs/promises";
import { replaceFile } from "../backend/replace-file.ts";

/** How a file is written that somebody asked for. */
export interface OutputOptions {
  /** Replaces a file that is there. */
  force: boolean;
  /** It holds secrets: nobody but its owner may read it. */
  isPrivate: boolean;
}

/** Writes a file. @throws the error of the system, EEXIST where there is one that is not to be replaced */
export const writeOutput = async (path: string, text: string, { force, isPrivate }: OutputOptions): Promise<void> => {
  // The mode of a file that is there would stay as it is, and who has it open would read on.
  if (force && isPrivate) return replaceFile(path, text, { mode: 0o600 });
  await writeFile(path, text, { flag: force ? "w" : "wx", mode: isPrivate ? 0o600 : 0o644 });
};
