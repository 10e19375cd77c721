import type { SystemdValue } from "../domain/app.ts";

/** A setting of a unit: a list is one line each. */
export type Setting = readonly [name: string, value: SystemdValue | undefined];

/** The text of a unit file: remarks as comments, then its sections; settings without a value are left out. */
export const unitText = (
  comments: readonly string[],
  sections: readonly (readonly [name: string, settings: readonly Setting[]])[],
): string =>
  [
    comments.map((line) => `# ${line}\n`).join(""),
    ...sections.map(([name, settings]) => {
      const lines = settings.flatMap(([key, value]) => lineOf(key, value));
      return lines.length === 0 ? "" : `[${name}]\n${lines.join("\n")}\n`;
    }),
  ]
    .filter((part) => part !== "")
    .join("\n");

const lineOf = (name: string, value: SystemdValue | undefined): string[] => {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((one) => lineOf(name, one));
  return [`${name}=${value === true ? "yes" : value === false ? "no" : value}`];
};

/** `%` begins a specifier in unit files (systemd.unit(5)). */
export const plainText = (text: string): string => text.replaceAll("%", "%%");

/** A word in double quotes, as systemd.syntax(7) has them. */
export const quotedWord = (text: string): string =>
  `"${plainText(text)
    .replace(/["\\]/g, "\\$&")
    .replace(/[\u0000-\u001f\u007f]/g, escapeControl)}"`;

/** A path in a list of paths. */
export const pathWord = (path: string): string => (/[\s"'\\]/.test(path) ? quotedWord(path) : plainText(path));

const escapeControl = (character: string): string =>
  character === "\n" ? "\\n" : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;

/** A command line: nothing is expanded in it. */
export const commandLine = (words: readonly string[]): string =>
  words
    .map((word) => word.replaceAll("$", "$$$$"))
    .map((word) => (/^[A-Za-z0-9_@:,./=+$-]+$/.test(word) ? word : quotedWord(word)))
    .join(" ");
