import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { AppSpec, SystemdValue } from "../../domain/app.ts";
import { replaceFile } from "../replace-file.ts";

/** A value as unit files write it: lists one assignment each, booleans as yes and no. */
const assignments = (name: string, value: SystemdValue): string[] =>
  (Array.isArray(value) ? value : [value]).map((one) => `${name}=${one === true ? "yes" : one === false ? "no" : one}`);

/** The assignments of `[apps.x.systemd]`, each with the property's name. */
export const settingsLines = (spec: Pick<AppSpec, "systemd">): { name: string; text: string }[] =>
  Object.entries(spec.systemd).flatMap(([name, value]) => assignments(name, value).map((text) => ({ name, text })));

/**
 * Text of the drop-in for an app's own `[apps.x.systemd]` settings; empty without any. They go through a file and not
 * over D-Bus because there every property has a type and often another name, and a file takes them as the manual
 * writes them.
 */
export const dropInText = (spec: AppSpec): string => {
  const lines = settingsLines(spec).map(({ text }) => text);
  return lines.length === 0
    ? ""
    : `# Written by velos from [apps.${spec.name}.systemd]\n[Service]\n${lines.join("\n")}\n`;
};

/** One variable as an EnvironmentFile takes it (systemd.exec(5)): in double quotes, four characters escaped. */
const environmentLine = ([name, value]: [string, string]): string => `${name}="${value.replace(/["\\$`]/g, "\\$&")}"\n`;

/** Text of an EnvironmentFile. */
export const environmentFileText = (variables: Record<string, string>): string =>
  Object.entries(variables).map(environmentLine).join("");

/** The variables of a text that `environmentFileText` has made. */
export const readEnvironmentFile = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/^(\w+)="((?:[^"\\]|\\[^])*)"$/gm)].map(([, name = "", value = ""]) => [
      name,
      value.replace(/\\([^])/g, "$1"),
    ]),
  );

/** Writes the file with its directory, or removes it when there is nothing to write. */
export const writeOrRemove = async (path: string, content: string, mode: number): Promise<void> => {
  if (content === "") {
    await rm(path, { force: true });
    return;
  }
  await mkdir(dirname(path), { recursive: true, mode: mode === 0o600 ? 0o700 : 0o755 });
  // The manager may be reading it at this moment, for an instance that it starts again by itself.
  await replaceFile(path, content, { mode });
};

/** Path of the drop-in that carries `[apps.x.systemd]`. */
export const settingsDropIn = (directory: string): string => join(directory, "60-velos-settings.conf");
