import { lstat, readlink } from "node:fs/promises";
import { dirname, join, sep } from "node:path";

/** Links that lead to links, as many as the kernel follows. */
const MOST_LINKS = 40;

/**
 * The real directories that are passed on the way to a path, with the names in each that lead on, as far as the way goes:
 * where a name is not there, it is the last.
 */
export const findWay = async (
  path: string,
): Promise<{ names: Map<string, Set<string>>; end: { directory: string; name: string } }> => {
  const names = new Map<string, Set<string>>();
  const ahead = path.split(sep).filter((name) => name !== "");
  let directory: string = sep;
  let end = { directory, name: "" };
  for (let links = 0, name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    if (name === "..") {
      directory = dirname(directory);
      continue;
    }
    names.set(directory, (names.get(directory) ?? new Set()).add(name));
    end = { directory, name };
    const next = join(directory, name);
    const found = await lstat(next).catch(() => undefined);
    if (!found) break;
    if (!found.isSymbolicLink()) {
      directory = next;
      continue;
    }
    const target = await readlink(next).catch(() => undefined);
    if (target === undefined || ++links > MOST_LINKS) break;
    if (target.startsWith(sep)) directory = sep;
    ahead.unshift(...target.split(sep).filter((part) => part !== "" && part !== "."));
  }
  return { names, end };
};
