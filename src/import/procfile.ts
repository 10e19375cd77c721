import { splitWords } from "../config/words.ts";
import { VelosError } from "../domain/errors.ts";
import type { ImportedApp, Remark, TomlValue } from "./imported-app.ts";
import { withNames } from "./ecosystem.ts";

/** As foreman gives ports: so many apart. */
const FIRST_PORT = 5000;
const PORT_STEP = 100;

/**
 * The process types of a Procfile.
 * @param hasEnvFile there is an `.env` beside it, which foreman reads
 * @throws VelosError CONFIG_INVALID for a line that is none, or when there is none
 */
export const importProcfile = (
  text: string,
  source: string,
  hasEnvFile: boolean,
): { apps: ImportedApp[]; remarks: Remark[] } => {
  const apps: ImportedApp[] = [];
  for (const [position, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#.*)?$/.test(line)) continue;
    const [, name, command] = /^([A-Za-z0-9_-]+):\s*(\S.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || command === undefined) {
      throw new VelosError("CONFIG_INVALID", {
        where: `${source}:${position + 1}:1`,
        why: "a line of a Procfile is a name, a colon and a command",
        hint: "write for example web: node server.js",
      });
    }
    apps.push(importLine(name, command, FIRST_PORT + apps.length * PORT_STEP, hasEnvFile));
  }
  if (apps.length === 0) {
    throw new VelosError("CONFIG_INVALID", {
      where: source,
      why: "it has no lines",
      hint: "write web: node server.js",
    });
  }
  return { apps: withNames(apps), remarks: [] };
};

const importLine = (name: string, command: string, port: number, hasEnvFile: boolean): ImportedApp => {
  const remarks: Remark[] = [];
  const keys: Record<string, TomlValue> = { ...programOf(command) };
  if (hasEnvFile) keys["env_file"] = ".env";
  if (name === "release") {
    keys["autorestart"] = false;
    remarks.push({ key: name, why: "is run once at each start, as a job is; velos does not wait for it" });
  }
  if (name === "web" || /\$\{?PORT\b/.test(command)) {
    keys["env"] = { PORT: String(port) };
    const why = `as foreman numbers them; for several instances that share one: listen = ["${port}"]`;
    remarks.push({ key: "PORT", why });
  }
  return { name, keys, remarks };
};

/** A command that only a shell understands gets one, which its program takes the place of where it can. */
const programOf = (command: string): Record<string, TomlValue> => {
  try {
    splitWords(command);
    if (!/[$`*?~]|^\w+=/.test(command)) return { script: command };
  } catch {
    return { command: ["sh", "-c", command] };
  }
  const isOne = !/^\w+=|^exec\s/.test(command);
  return { command: ["sh", "-c", isOne ? `exec ${command}` : command] };
};
