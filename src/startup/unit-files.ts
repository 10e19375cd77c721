import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "../backend/replace-file.ts";
import { VelosError } from "../domain/errors.ts";
import { MARK } from "./unit-texts.ts";

/** A unit file in the directory that is the administrator's (or the user's) own. */
export interface UnitFile {
  name: string;
  path: string;
  /** What is there now. */
  found: "absent" | "same" | "older" | "foreign";
}

/** Compares what is there with what should be: `foreign` is what velos did not write. */
export const lookAt = async (directory: string, texts: ReadonlyMap<string, string>): Promise<UnitFile[]> =>
  Promise.all(
    [...texts].map(async ([name, text]): Promise<UnitFile> => {
      const path = join(directory, name);
      const there = await readIfThere(path);
      if (there === undefined) return { name, path, found: "absent" };
      if (there === text) return { name, path, found: "same" };
      return { name, path, found: there.startsWith(MARK) ? "older" : "foreign" };
    }),
  );

/** Text of a file; undefined where there is none. */
export const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cannot("read", path, error);
  }
};

/** Writes a file as a whole, also when the machine goes down meanwhile. */
export const writeUnit = async (directory: string, name: string, text: string): Promise<void> => {
  const path = join(directory, name);
  try {
    await mkdir(directory, { recursive: true });
    await replaceFile(path, text, { mode: 0o644, flush: true });
  } catch (error) {
    throw cannot("write", path, error);
  }
};

/** Removes a unit file. */
export const removeUnit = async (path: string): Promise<void> => {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw cannot("remove", path, error);
  }
};

const cannot = (what: string, path: string, error: unknown): VelosError =>
  new VelosError("STARTUP_FAILED", {
    why: `cannot ${what} ${path}: ${(error as Error).message}`,
    hint: "units of the system are root's: use sudo; `velos startup --user` is for your own apps",
  });
