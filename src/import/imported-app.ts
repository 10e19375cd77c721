import { checkApp } from "../config/check.ts";
import { VelosError } from "../domain/errors.ts";

/** A value as velos.toml can have it. */
export type TomlValue = string | number | boolean | TomlValue[] | { [key: string]: TomlValue };

/** A word about a key of the other process manager: what became of it, or why it has no counterpart. */
export interface Remark {
  key: string;
  why: string;
}

/** An app as it goes into velos.toml. */
export interface ImportedApp {
  name: string;
  /** Keys of `[apps.<name>]`; a value that is a table becomes one of its own. */
  keys: Record<string, TomlValue>;
  remarks: Remark[];
}

/** What was read of another process manager's configuration. */
export interface Imported {
  /** As the user named it. */
  source: string;
  /** Absolute directory that relative paths of it start from. */
  directory: string;
  apps: ImportedApp[];
  /** About the whole of it. */
  remarks: Remark[];
  /** It may hold secrets, and is written for its owner only. */
  isPrivate?: boolean;
}

/**
 * Leaves out what velos would refuse, with a remark why: velos.toml has to load, whatever was written elsewhere.
 * @throws VelosError CONFIG_INVALID when nothing is left to run
 */
export const withoutMisfits = async (app: ImportedApp, directory: string, source: string): Promise<ImportedApp> => {
  const keys = structuredClone(app.keys);
  const remarks = [...app.remarks];
  for (;;) {
    const { problems } = await checkApp(keys, { baseDir: directory, form: "toml" }, []);
    const [problem] = problems;
    if (problem === undefined) return { ...app, keys, remarks };
    const [key, name] = problem.path.map(String);
    if (key === undefined || key === "script" || key === "command") {
      const hint = "an app needs a script that velos can run; name it there";
      throw new VelosError("CONFIG_INVALID", { where: source, why: `${app.name}: ${problem.why}`, hint });
    }
    const table = keys[key];
    const inner = typeof table === "object" && !Array.isArray(table) ? table : undefined;
    if (inner && name !== undefined) delete inner[name];
    else delete keys[key];
    remarks.push({ key: inner && name !== undefined ? `${key}.${name}` : key, why: `left out: ${problem.why}` });
  }
};
