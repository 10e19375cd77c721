import { statSync } from "node:fs";
import { resolve } from "node:path";
import { isAppName } from "../domain/app-name.ts";

/** What the words of `velos start` are. */
export type StartWords = "selectors" | "program";

/** `all`, `api:2` and patterns can only be selectors. */
const SELECTOR = /^(all|[^/\s]+:\d+|[^/\s]*[*?][^/\s]*)$/;

/**
 * Tells apps to be started again (`velos start api`) from something to run (`velos start server.js`). A file with an
 * ending is a file. A bare name is an app if there is one of that name, whatever else is called so: nobody who
 * starts `api` again wants it to become another program; `./api` is the file.
 * @param known the apps there are; asked only when the words may be names of apps
 */
export const readStartWords = async (
  words: readonly string[],
  cwd: string,
  known: () => Promise<readonly string[]>,
): Promise<StartWords> => {
  if (words.length === 0) return "program";
  if (words.every((word) => SELECTOR.test(word)) && !words.some((word) => isFile(cwd, word))) return "selectors";
  const names = words.map((word) => word.split(":")[0]!);
  if (!names.every(isAppName)) return "program";
  if (words.some((word) => /\.\w+$/.test(word) && isFile(cwd, word))) return "program";
  const apps = await known();
  return names.every((name) => apps.includes(name)) ? "selectors" : "program";
};

const isFile = (cwd: string, word: string): boolean => {
  try {
    return statSync(resolve(cwd, word)).isFile();
  } catch {
    return false;
  }
};
