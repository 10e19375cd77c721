import { basename } from "node:path";
import type { Imported, ImportedApp, Remark, TomlValue } from "./imported-app.ts";

/**
 * The text of a velos.toml with the apps; what has no counterpart is in it as comments.
 * @param target the file that it is for, as the user would name it
 */
export const tomlText = (imported: Imported, target: string): string => {
  const head = [
    `Made by \`velos import\` from ${basename(imported.source)}. \`velos apply -f ${target}\` starts it.`,
    ...remarkLines(imported.remarks),
  ];
  return `${[comment(head), ...imported.apps.map(appText)].join("\n")}`;
};

const appText = ({ name, keys, remarks }: ImportedApp): string => {
  const isTable = (value: TomlValue): value is { [key: string]: TomlValue } =>
    typeof value === "object" && !Array.isArray(value);
  const plain = Object.entries(keys).filter(([, value]) => !isTable(value));
  const tables = Object.entries(keys).flatMap(([key, value]) => (isTable(value) ? [[key, value] as const] : []));
  const at = `apps.${bareKey(name)}`;
  return [
    `[${at}]\n`,
    ...plain.map(([key, value]) => `${bareKey(key)} = ${literalOf(value)}\n`),
    comment(remarkLines(remarks)),
    ...tables.flatMap(([key, table]) => [
      `\n[${at}.${bareKey(key)}]\n`,
      ...Object.entries(table).map(([inner, value]) => `${bareKey(inner)} = ${literalOf(value)}\n`),
    ]),
  ].join("");
};

const remarkLines = (remarks: readonly Remark[]): string[] => remarks.map(({ key, why }) => `${key}: ${why}`);

/** Whatever a line of a comment may not hold (TOML allows no control characters but tab) is taken out. */
const comment = (lines: readonly string[]): string =>
  lines.map((line) => `# ${line.replace(/[\u0000-\u0008\u000a-\u001f\u007f]+/g, " ")}\n`).join("");

const bareKey = (key: string): string => (/^[A-Za-z0-9_-]+$/.test(key) ? key : quoted(key));

/** A basic string: JSON's escapes are TOML's, but for DEL, which JSON leaves as it is, and halves of surrogates. */
const quoted = (text: string): string =>
  JSON.stringify(Buffer.from(text, "utf8").toString("utf8")).replaceAll("\u007f", "\\u007f");

const literalOf = (value: TomlValue): string => {
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return `[${value.map(literalOf).join(", ")}]`;
  if (typeof value !== "object") return String(value);
  const members = Object.entries(value).map(([key, member]) => `${bareKey(key)} = ${literalOf(member)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
};
