import { dirname } from "node:path";
import { VelosError } from "../domain/errors.ts";
import { checkTable } from "./check.ts";
import type { Problem } from "./problem.ts";
import { isAbsent } from "./read-failure.ts";
import type { ScopeConfig } from "./scope-schema.ts";
import { scopeKeys } from "./scope-schema.ts";
import type { TomlDocument } from "./toml-document.ts";
import { readTomlDocument } from "./toml-document.ts";

/**
 * Reads velosd's own settings from the scope's config file; no settings when there is no such file. The apps in it are
 * not looked at.
 * @param path absolute
 * @throws VelosError CONFIG_NOT_FOUND when it is there but cannot be read; CONFIG_INVALID as `loadConfig`
 */
export const loadScopeConfig = async (path: string): Promise<ScopeConfig> => {
  let document: TomlDocument;
  try {
    document = await readTomlDocument(path, path);
  } catch (error) {
    if (error instanceof VelosError && isAbsent(error.cause)) return {};
    throw error;
  }
  const written = Object.fromEntries(Object.entries(document.content).filter(([key]) => key !== "apps"));
  const problems: Problem[] = [];
  const config = await checkTable<ScopeConfig>(
    scopeKeys,
    written,
    { baseDir: dirname(path), form: "toml" },
    [],
    problems,
  );
  document.refuse(problems);
  return config;
};
