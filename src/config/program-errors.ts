import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { VelosError } from "../domain/errors.ts";
import { fileState, nearestFile } from "./find-file.ts";
import { firstLine } from "./first-line.ts";
import type { AppDraft } from "./settings.ts";
import { placePrefix } from "./settings.ts";

/** A file without an interpreter that nobody may execute; the hint names what its first line asks for. */
export const notExecutable = async (draft: AppDraft, file: string, key = "script"): Promise<VelosError> => {
  const [named] = await firstLine(file);
  const meant = named === undefined ? "" : ` ${named}`;
  return new VelosError("SCRIPT_NOT_EXECUTABLE", { at: placePrefix(draft, key), path: file, meant });
};

/** Nothing of that name; the hint has the name of a file nearby. */
export const notFound = async (draft: AppDraft, cwd: string, key: string, name: string): Promise<VelosError> => {
  const near = await nearestFile(resolve(cwd, name));
  return new VelosError("SCRIPT_NOT_FOUND", {
    at: placePrefix(draft, key),
    path: name,
    cwd: cwd,
    meant: near === undefined ? "" : `did you mean ${near}? `,
    also: name.includes("/") ? "" : ", and no such program is on PATH",
  });
};

/** A directory where a file should be; the hint has its main file. */
export const isDirectory = async (draft: AppDraft, path: string, key = "script"): Promise<VelosError> =>
  new VelosError("SCRIPT_IS_DIRECTORY", { at: placePrefix(draft, key), path, meant: await mainFile(path) });

/** The file that a directory would be started by, for the hint. */
const mainFile = async (directory: string): Promise<string> => {
  const text = await readFile(join(directory, "package.json"), "utf8").catch(() => "{}");
  let main: unknown;
  try {
    main = (JSON.parse(text) as { main?: unknown } | null)?.main;
  } catch {
    // Not for us to report: the hint only does without it.
  }
  for (const name of [main, "index.js", "server.js"]) {
    if (typeof name !== "string") continue;
    const file = join(directory, name);
    if ((await fileState(file)).kind === "file") return `, such as ${file}`;
  }
  return "";
};
