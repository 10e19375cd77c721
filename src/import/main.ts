import { access, readFile } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from "node:path";
import { fileState } from "../config/find-file.ts";
import { firstLine } from "../config/first-line.ts";
import { isAbsent, readFailure } from "../config/read-failure.ts";
import { VelosError } from "../domain/errors.ts";
import { importEcosystem } from "./ecosystem.ts";
import { evaluateFile } from "./evaluate-file.ts";
import type { Imported, ImportedApp, Remark, TomlValue } from "./imported-app.ts";
import { withoutMisfits } from "./imported-app.ts";
import { importPm2Dump } from "./pm2-dump.ts";
import { importProcfile } from "./procfile.ts";
import { withStopSignals } from "./stop-signal.ts";

export { tomlText } from "./toml-text.ts";
export type { Imported, ImportedApp, Remark } from "./imported-app.ts";

/** What is to be imported, and by whom. */
export interface ImportRequest {
  /** Absolute. */
  path: string;
  /** As the user named it. */
  shown: string;
  /** What `pm2 save` wrote, whatever its name. */
  isDump: boolean;
  /** Absolute directory that velos.toml will be in: paths are relative to it. */
  target: string;
  caller: { execPath: string; env: Readonly<Record<string, string | undefined>>; cwd: string };
  processors: number;
}

/** Names under which an ecosystem file is looked for when none is named. */
export const usualNames: readonly string[] = [
  ...["js", "cjs", "mjs", "json", "yaml", "yml"].map((ending) => `ecosystem.config.${ending}`),
  ...["ecosystem.json", "process.json", "process.yml", "Procfile"],
];

/**
 * Reads what another process manager was told, as velos.toml would have it.
 * @throws VelosError CONFIG_NOT_FOUND, CONFIG_INVALID
 */
export const importFile = async (request: ImportRequest): Promise<Imported> => {
  const { path, shown, target, isDump } = request;
  const directory = dirname(path);
  const { apps, remarks } = await readApps(request);
  const signalled = isProcfile(path) && !isDump ? { apps, remarks: [] } : await withStopSignals(apps, directory);
  const checked = await Promise.all(
    signalled.apps.map(async (app) => {
      const runnable = await withInterpreter(app, directory);
      return withoutMisfits(isDump ? runnable : placed(runnable, directory, target), target, shown);
    }),
  );
  return {
    source: shown,
    directory,
    apps: checked,
    remarks: [...remarks, ...signalled.remarks],
    ...(isDump && { isPrivate: true }),
  };
};

const isProcfile = (path: string): boolean => basename(path).startsWith("Procfile");

const readApps = async (request: ImportRequest): Promise<{ apps: ImportedApp[]; remarks: Remark[] }> => {
  const { path, shown: source, caller, processors, isDump } = request;
  const context = { source, processors };
  const ending = extname(path).toLowerCase();
  if (isDump) return importPm2Dump(parseDump(await readText(path, source), source), context, caller.env);
  if (isProcfile(path)) {
    const hasEnvFile = await access(join(dirname(path), ".env")).then(
      () => true,
      () => false,
    );
    return importProcfile(await readText(path, source), source, hasEnvFile);
  }
  if (ending === ".yaml" || ending === ".yml") {
    return importEcosystem(await parseYaml(await readText(path, source), source), context);
  }
  if ([".js", ".cjs", ".mjs", ".json"].includes(ending)) {
    await readText(path, source);
    return importEcosystem(await evaluateFile(path, source, caller), context);
  }
  throw new VelosError("USAGE", {
    why: `cannot tell from its name what ${source} is`,
    hint: "velos imports ecosystem files of pm2 (.js .cjs .mjs .json .yaml), a Procfile, and with --pm2-dump what pm2 saved",
  });
};

const readText = async (path: string, shown: string): Promise<string> => {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isAbsent(error)) {
      throw new VelosError("USAGE", { why: `there is no ${shown}`, hint: "name the file: velos import path/to/file" });
    }
    throw new VelosError("USAGE", { why: `cannot read ${shown}: ${readFailure(error)}`, hint: "make it readable" });
  }
};

const parseDump = (text: string, source: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const why = `it is not JSON: ${(error as Error).message}`;
    throw new VelosError("CONFIG_INVALID", { where: source, why, hint: "`pm2 save` writes it anew" });
  }
};

const parseYaml = async (text: string, source: string): Promise<unknown> => {
  const { parse } = await import("yaml");
  try {
    return parse(text) as unknown;
  } catch (error) {
    const { message, linePos } = error as { message: string; linePos?: readonly [{ line: number; col: number }] };
    const where = linePos ? `${source}:${linePos[0].line}:${linePos[0].col}` : source;
    const why = message.split(" at line ")[0]!.split("\n")[0]!;
    throw new VelosError("CONFIG_INVALID", { where, why, hint: "this is not valid YAML" });
  }
};

/** pm2 runs a file without an ending with Node; velos would ask for an interpreter, or run it as its first line says. */
const withInterpreter = async (app: ImportedApp, directory: string): Promise<ImportedApp> => {
  const { script, cwd, interpreter } = app.keys;
  if (typeof script !== "string" || interpreter !== undefined || extname(script) !== "") return app;
  const file = resolve(directory, typeof cwd === "string" ? cwd : ".", script);
  const state = await fileState(file);
  if (state.kind !== "file") return app;
  const words = await firstLine(file);
  // Executable without such a line is a binary.
  const isForNode = words.length > 0 ? words.some((word) => basename(word) === "node") : !state.isExecutable;
  return isForNode ? { ...app, keys: { ...app.keys, interpreter: "node" } } : app;
};

/** Keeps what the app's paths are relative to, where velos.toml goes into another directory. */
const placed = (app: ImportedApp, directory: string, target: string): ImportedApp => {
  if (directory === target) return app;
  const from = relative(target, directory) || ".";
  const cwd = typeof app.keys["cwd"] === "string" ? app.keys["cwd"] : undefined;
  const moved = (path: TomlValue): TomlValue =>
    typeof path !== "string" || isAbsolute(path) ? path : join(from, path);
  const { env_file: files } = app.keys;
  return {
    ...app,
    keys: {
      ...app.keys,
      cwd: cwd === undefined ? from : cwd.startsWith("/") ? cwd : join(from, cwd),
      ...(files !== undefined && { env_file: Array.isArray(files) ? files.map(moved) : moved(files) }),
    },
  };
};
