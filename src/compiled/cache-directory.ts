import { lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Where compiled code is kept: a directory of the caller's own, made when it is missing. Whoever can write to it decides
 * what runs, so root never uses one that $HOME or the like names, and nobody one that others may write to; undefined
 * where there is none that can be trusted.
 */
export const cacheDirectory = (env: Env, uid: number | undefined): string | undefined => {
  const home = env["XDG_CACHE_HOME"] || (env["HOME"] && join(env["HOME"], ".cache"));
  const parent = uid === 0 ? "/var/cache" : home;
  return parent ? trusted(join(parent, "velos"), uid) : undefined;
};

/** The directory, if it is the caller's and nobody else may write to it. */
export const trusted = (directory: string, uid: number | undefined): string | undefined => {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const stat = lstatSync(directory);
    return stat.isDirectory() && stat.uid === uid && (stat.mode & 0o022) === 0 ? directory : undefined;
  } catch {
    return undefined;
  }
};
