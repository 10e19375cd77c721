import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a directory and those above it that are missing. Node's own recursive mkdir never ends where a file system
 * refuses with "no such file" inside a directory that is there, as /proc does (seen on Node 20).
 * @param mode of the directories that are made
 * @throws the error of mkdir(2)
 */
export const makeDirectories = (path: string, mode: number): void => {
  try {
    mkdirSync(path, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    const above = dirname(path);
    if (code !== "ENOENT" || above === path || statSync(above, { throwIfNoEntry: false })?.isDirectory()) throw error;
    makeDirectories(above, mode);
    makeDirectories(path, mode);
  }
};
