import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { nearest } from "../domain/nearest.ts";
import { isAbsent, readFailure } from "./read-failure.ts";

/** What is at a path; links are followed. */
export type FileState =
  | { kind: "absent" }
  | { kind: "directory" }
  | { kind: "file"; isExecutable: boolean }
  | { kind: "unreadable"; why: string };

/** Looks at a path. Executable means that somebody may execute it: the app may run as another user. */
export const fileState = async (path: string): Promise<FileState> => {
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) return { kind: "directory" };
    return { kind: "file", isExecutable: (stats.mode & 0o111) !== 0 };
  } catch (error) {
    return isAbsent(error) ? { kind: "absent" } : { kind: "unreadable", why: readFailure(error) };
  }
};

/**
 * The absolute path of a program that PATH leads to. Relative directories in PATH do not count: what runs must not
 * depend on where the caller stood.
 */
export const findOnPath = async (name: string, path: string): Promise<string | undefined> => {
  if (name === "" || name.includes("/")) return undefined;
  for (const directory of path.split(":")) {
    if (!isAbsolute(directory)) continue;
    const candidate = join(directory, name);
    const state = await fileState(candidate);
    if (state.kind === "file" && state.isExecutable) return lasting(candidate);
  }
  return undefined;
};

/**
 * fnm gives every shell its own directory of links, gone after the next boot: what it links to is taken instead. Other
 * links stay (`/opt/node/current` is meant to move, and version managers with shims look at the name they are called by).
 */
const lasting = async (program: string): Promise<string> =>
  program.includes("/fnm_multishells/") ? join(await realpath(dirname(program)), basename(program)) : program;

/** The name in the same directory that was probably meant by a path where nothing is. */
export const nearestFile = async (path: string): Promise<string | undefined> => {
  const names = await readdir(dirname(path)).catch(() => []);
  return nearest(basename(path), names.slice(0, 1000));
};
