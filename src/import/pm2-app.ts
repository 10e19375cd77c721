import { basename } from "node:path";
import { VelosError } from "../domain/errors.ts";
import type { ImportedApp, Remark, TomlValue } from "./imported-app.ts";
import { variablesOf } from "./pm2-env.ts";
import { pm2Aliases, pm2Converted, pm2Defaults, pm2Dropped } from "./pm2-keys.ts";
import { programOf } from "./pm2-program.ts";
import { scalingOf } from "./pm2-scaling.ts";
import { supervisionOf } from "./pm2-supervision.ts";
import { isWritten } from "./pm2-values.ts";

/** An app of pm2 by its documented keys. */
export type Pm2App = Readonly<Record<string, unknown>>;

/** What an app of pm2 is converted with. */
export interface Pm2Context {
  /** As errors name the file. */
  source: string;
  /** Processors of this machine: `instances: -1` of pm2 is one less. */
  processors: number;
}

/**
 * What an app of pm2 is in velos.toml. Keys without a counterpart become remarks. Nothing is looked up: whether velos
 * takes the values is for `withoutMisfits` to see.
 * @throws VelosError CONFIG_INVALID for an app without a script
 */
export const importPm2App = (written: Pm2App, context: Pm2Context): ImportedApp => {
  const app = withoutAliases(written);
  const remarks: Remark[] = [];
  const tables = variableTables(app, remarks);
  const keys: Record<string, TomlValue> = {
    ...programOf(app, remarks, context),
    ...scalingOf(app, portsOf(tables), context.processors, remarks),
    ...supervisionOf(app, remarks),
    ...envFileOf(app),
    ...tables,
  };
  for (const [key, value] of Object.entries(app)) {
    if (value === undefined || isConverted(key)) continue;
    const why = Object.hasOwn(pm2Dropped, key)
      ? pm2Dropped[key]!
      : "pm2 does not document it, and velos does not know it";
    if (value !== pm2Defaults[key]) remarks.push({ key, why });
  }
  return { name: nameOf(app, context), keys, remarks };
};

const isConverted = (key: string): boolean => (pm2Converted as readonly string[]).includes(key) || /^env_\S/.test(key);

const withoutAliases = (written: Pm2App): Pm2App => {
  const app: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(written)) {
    const plain = Object.hasOwn(pm2Aliases, key) ? pm2Aliases[key]! : key;
    if (plain === key || written[plain] === undefined) app[plain] = value;
  }
  return app;
};

/** As pm2 names an app that was given no name: its script's name without what follows the last dot. */
const nameOf = (app: Pm2App, { source }: Pm2Context): string => {
  const { name, script, name_prefix: prefix } = app;
  if (typeof name === "string" && name !== "") return `${typeof prefix === "string" ? prefix : ""}${name}`;
  if (typeof script === "string" && script.trim() !== "") return basename(script).replace(/(.)\.[^.]*$/, "$1");
  throw new VelosError("CONFIG_INVALID", {
    where: source,
    why: "an app has neither script nor name",
    hint: "pm2 could not start it either; remove it, or give it a script",
  });
};

/** `env`, and `env_<profile>`: pm2 takes any name for a profile. */
const variableTables = (app: Pm2App, remarks: Remark[]): Record<string, { [name: string]: TomlValue }> => {
  const tables: Record<string, { [name: string]: TomlValue }> = {};
  for (const [key, value] of Object.entries(app)) {
    const profile = /^env_(\S+)$/.exec(key)?.[1];
    // A dump has undefined where nobody set a variable.
    if ((key !== "env" && profile === undefined) || !isWritten(value) || isEnvFile(key, value)) continue;
    // As a table, `env_file` would be a profile of a name that velos needs for its key.
    const isUsable = profile === undefined || (/^[A-Za-z0-9_-]+$/.test(profile) && profile !== "file");
    const table = isUsable ? variablesOf(key, value, remarks) : undefined;
    if (table) tables[key] = table;
    else
      remarks.push({
        key,
        why: isUsable ? "left out: it is not a table of variables" : "left out: rename the profile",
      });
  }
  const { port } = app;
  if ((typeof port === "number" || typeof port === "string") && tables["env"]?.["PORT"] === undefined) {
    tables["env"] = { ...tables["env"], PORT: String(port) };
  }
  return tables;
};

/** Where `env_file` is no profile, it is what it is for velos: files of variables. */
const envFileOf = (app: Pm2App): Record<string, TomlValue> =>
  isEnvFile("env_file", app["env_file"]) ? { env_file: app["env_file"] as TomlValue } : {};

const isEnvFile = (key: string, value: unknown): boolean => {
  const paths: unknown[] = Array.isArray(value) ? value : [value];
  return key === "env_file" && paths.length > 0 && paths.every((path) => typeof path === "string");
};

/** The variable PORT, by the tables that have it. */
const portsOf = (tables: Readonly<Record<string, { [name: string]: TomlValue }>>): Map<string, string> =>
  new Map(Object.entries(tables).flatMap(([key, { PORT }]) => (typeof PORT === "string" ? [[key, PORT]] : [])));
