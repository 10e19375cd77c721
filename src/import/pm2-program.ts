import { splitWords, WordsError } from "../config/words.ts";
import { VelosError } from "../domain/errors.ts";
import type { Remark, TomlValue } from "./imported-app.ts";
import type { Pm2App, Pm2Context } from "./pm2-app.ts";

/** What runs: script, arguments, interpreter, directory, user. */
export const programOf = (app: Pm2App, remarks: Remark[], { source }: Pm2Context): Record<string, TomlValue> => {
  const { script, cwd, uid, gid } = app;
  if (typeof script !== "string" || script.trim() === "") {
    throw new VelosError("CONFIG_INVALID", {
      where: source,
      why: `the app ${JSON.stringify(app["name"])} has no script`,
      hint: "pm2 could not start it either; remove it, or give it a script",
    });
  }
  const keys: Record<string, TomlValue> = {};
  if (needsShell(script)) {
    keys["command"] = ["bash", "-c", script];
    remarks.push({ key: "script", why: "a line for a shell, run by bash as pm2 does" });
  } else {
    keys["script"] = script;
    // pm2 hands a command line to bash as it is, and forgets the arguments.
    const args = wordsOf(app["args"]);
    if (args.length > 0 && !/\s/.test(script)) keys["args"] = args;
    Object.assign(keys, interpreterOf(app, remarks));
  }
  if (typeof cwd === "string") keys["cwd"] = cwd;
  if (typeof uid === "string" || typeof uid === "number") keys["user"] = String(uid);
  if (typeof gid === "string" || typeof gid === "number") keys["group"] = String(gid);
  return keys;
};

/** True for what bash would make something else of than a program with its arguments. */
const needsShell = (script: string): boolean => {
  if (!/\s/.test(script.trim())) return false;
  if (/[$`*?~]|^\s*\w+=/.test(script)) return true;
  try {
    splitWords(script);
    return false;
  } catch {
    return true;
  }
};

/** Arguments as an array; a text is split as velos does, and where that cannot be done as pm2 does, at spaces. */
const wordsOf = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.map(String);
  if (typeof value !== "string") return [];
  try {
    return splitWords(value);
  } catch (error) {
    if (!(error instanceof WordsError)) throw error;
    return value.split(/\s+/).filter((word) => word !== "");
  }
};

const interpreterOf = (app: Pm2App, remarks: Remark[]): Record<string, TomlValue> => {
  const { exec_interpreter: interpreter, source_map_support: sourceMaps } = app;
  const keys: Record<string, TomlValue> = {};
  const version = typeof interpreter === "string" ? /^node@(.*)$/.exec(interpreter)?.[1] : undefined;
  if (version !== undefined) {
    keys["interpreter"] = "node";
    const why = `of ${version} only the one on PATH was taken; write its path, such as ~/.nvm/versions/node/v${version}/bin/node`;
    remarks.push({ key: "interpreter", why });
  } else if (typeof interpreter === "string" && interpreter !== "") {
    keys["interpreter"] = interpreter;
  }
  const args = wordsOf(app["node_args"]);
  // Said only: pm2's default would load a library into every app, and Node's own way slows down every error.
  if (sourceMaps === true && !args.includes("--enable-source-maps")) args.push("--enable-source-maps");
  if (args.length > 0 && keys["interpreter"] !== "none") keys["interpreter_args"] = args;
  return keys;
};
