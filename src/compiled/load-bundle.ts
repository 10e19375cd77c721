import * as nodeModule from "node:module";
import { cacheDirectory } from "./cache-directory.ts";
import { loadCached } from "./load-cached.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** What Node has from 22.1 on. */
const { enableCompileCache } = nodeModule as { enableCompileCache?: (directory: string) => unknown };

/**
 * Lets Node keep what it compiles from here on, where it can, which saves a tenth of `velos list`. Before 22.1 nothing
 * is done: what a command of the CLI loads is so little that reading what was kept costs as much as compiling it.
 */
export const keepCompiled = (env: Env): void => {
  const directory = enableCompileCache && cacheDirectory(env, process.getuid?.());
  if (directory !== undefined) enableCompileCache!(directory);
};

/**
 * Loads a large bundle, compiled before where that can be had: compiling velosd's takes a third of what it needs until
 * it serves.
 */
export const loadBundle = (path: string, env: Env): unknown => {
  const directory = enableCompileCache ? undefined : cacheDirectory(env, process.getuid?.());
  if (directory !== undefined) return loadCached(path, directory);
  keepCompiled(env);
  return nodeModule.createRequire(path)(path);
};
