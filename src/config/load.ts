import { dirname, resolve } from "node:path";
import { checkAppName } from "../domain/app-name.ts";
import { VelosError } from "../domain/errors.ts";
import { checkApp } from "./check.ts";
import { isTable } from "./environment-kinds.ts";
import type { Path } from "./misfit.ts";
import { showValue } from "./misfit.ts";
import { nearest } from "../domain/nearest.ts";
import type { Problem } from "./problem.ts";
import { scopeKeys } from "./scope-schema.ts";
import type { AppDraft } from "./settings.ts";
import { readTomlDocument } from "./toml-document.ts";
import { unknownKey } from "./unknown-key.ts";

/** What a velos.toml says. */
export interface LoadedConfig {
  /** As given. */
  path: string;
  /** In the order of the file, at least one; each has a name. */
  apps: AppDraft[];
}

/**
 * Reads the apps of a velos.toml. All of them are checked, also those that a command leaves out.
 * @param path as the user gave it, which is how errors show it; relative to `cwd`
 * @param options.isScopeConfig the file is the scope's own, so velosd's settings may stand beside the apps
 * @throws VelosError CONFIG_NOT_FOUND; CONFIG_INVALID with file, line and column of the first problem
 */
export const loadConfig = async (
  path: string,
  cwd: string,
  options: { isScopeConfig?: boolean } = {},
): Promise<LoadedConfig> => {
  const absolute = resolve(cwd, path);
  const baseDir = dirname(absolute);
  const document = await readTomlDocument(absolute, path);
  const problems: Problem[] = [];
  const apps: AppDraft[] = [];
  for (const name of Object.keys(document.content)) {
    const isKnown = name === "apps" || (options.isScopeConfig === true && Object.hasOwn(scopeKeys, name));
    if (!isKnown) problems.push(unknownKey(name, { apps: {} }, []));
  }
  for (const [name, written] of appTables(document.content["apps"] ?? {}, problems)) {
    const at = ["apps", name];
    problems.push(...checkName(name, at));
    const { settings, problems: found } = await checkApp(written, { baseDir, form: "toml" }, at);
    problems.push(...found.map((problem) => dotted(name, written, problem)));
    apps.push({
      name,
      settings,
      baseDir,
      where: (key, inner) =>
        inner === undefined
          ? document.where({ path: [...at, key], part: "value" })
          : document.where({ path: [...at, key, inner], part: "key" }),
    });
  }
  document.refuse(problems);
  if (apps.length === 0) {
    throw new VelosError("CONFIG_INVALID", {
      where: path,
      why: "it has no apps",
      hint: "begin one with [apps.<name>]",
    });
  }
  return { path, apps };
};

/**
 * Picks apps by name (`--only api,web`), in the order of the file.
 * @throws VelosError CONFIG_INVALID for a name that the file does not have
 */
export const selectApps = (config: LoadedConfig, names: readonly string[]): AppDraft[] => {
  const known = config.apps.map((app) => app.name!);
  for (const name of names) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    throw new VelosError("CONFIG_INVALID", {
      where: "--only",
      why: `${config.path} has no app '${name}'`,
      hint: meant === undefined ? `its apps are ${known.join(", ")}` : `did you mean \`${meant}\`?`,
    });
  }
  return config.apps.filter((app) => names.includes(app.name!));
};

/** `[apps.my.app]` is a table in the app `my`; whoever writes a script into it means an app whose name has a dot. */
const dotted = (name: string, written: Readonly<Record<string, unknown>>, problem: Problem): Problem => {
  const [key] = problem.path.slice(-1).map(String);
  const inner = problem.path.length === 3 && problem.part === "key" ? written[key!] : undefined;
  if (!isTable(inner) || (inner["script"] === undefined && inner["command"] === undefined)) return problem;
  return { ...problem, hint: `a name with a dot is written in quotes: [apps."${name}.${key}"]` };
};

const checkName = (name: string, at: Path): Problem[] => {
  try {
    checkAppName(name);
    return [];
  } catch (error) {
    if (!(error instanceof VelosError)) throw error;
    const hint = "1 to 64 of A-Z a-z 0-9 _ . - , beginning with a letter or digit, not ending with -";
    return [{ path: at, part: "key", why: error.message, hint }];
  }
};

const appTables = (written: unknown, problems: Problem[]): [string, Record<string, unknown>][] => {
  const wrong = (path: Path, value: unknown, what: string): void => {
    const why = `${path.join(".")} should be ${what}, not ${showValue(value)}`;
    problems.push({ path, part: "value", why, hint: "begin each app with [apps.<name>]" });
  };
  if (!isTable(written)) {
    wrong(["apps"], written, "a table of apps");
    return [];
  }
  return Object.entries(written).filter((entry): entry is [string, Record<string, unknown>] => {
    if (isTable(entry[1])) return true;
    wrong(["apps", entry[0]], entry[1], "a table");
    return false;
  });
};
