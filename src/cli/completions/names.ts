import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Scope } from "../../config/paths.ts";
import { resolvePaths } from "../../config/paths.ts";
import type { AppRecord } from "../../domain/record.ts";

/** What `velos __names` is told of its process. */
export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>;
  uid: number | undefined;
}

/**
 * The names of apps and instances, for `velos __names [--system|--user|--host…]`. They are read from velosd's own files,
 * which is quicker than to ask it, and wakes nobody; who may not read those, as the members of the group velos, asks.
 * Never complains: where nothing can be said nothing is. Another server is not asked: that takes too long.
 */
export const namesThere = async (words: readonly string[], { env, uid }: Surroundings): Promise<string[]> => {
  if (env["VELOS_HOST"] || words.some((word) => word.startsWith("--host"))) return [];
  const scope: Scope = words.includes("--user") || (uid !== 0 && !words.includes("--system")) ? "user" : "system";
  const paths = resolvePaths(scope, env);
  try {
    return storedNames(join(paths.state, "apps"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    const { askForNames } = await import("./ask-for-names.ts");
    return askForNames(paths.socket);
  }
};

const storedNames = (directory: string): string[] =>
  readdirSync(directory)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .flatMap((file) => namesIn(join(directory, file)));

const namesIn = (path: string): string[] => {
  try {
    const { spec, instances, deleting } = JSON.parse(readFileSync(path, "utf8")) as AppRecord;
    return deleting ? [] : [spec.name, ...Array.from({ length: instances }, (_, index) => `${spec.name}:${index}`)];
  } catch {
    // Gone meanwhile, or damaged, which is velosd's to tell.
    return [];
  }
};
