import { readFile } from "node:fs/promises";
import { VelosError } from "../domain/errors.ts";
import { isVariableName } from "./environment-kinds.ts";
import { readFailure } from "./read-failure.ts";

/** What is wrong with an env file, and in which line (from 1). */
export class EnvFileError extends Error {
  readonly line: number;

  constructor(line: number, why: string) {
    super(why);
    this.line = line;
  }
}

/**
 * Reads the variables of an env file.
 * @param path absolute; also what errors show
 * @param at where the file was named, as the beginning of a message; empty for a flag
 * @throws VelosError ENV_FILE_UNREADABLE; CONFIG_INVALID with the line
 */
export const readEnvFile = async (path: string, at = ""): Promise<Record<string, string>> => {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    const hint = "check the path given with --env-file or env_file";
    throw new VelosError("ENV_FILE_UNREADABLE", { at, path, why: readFailure(error), hint }, { cause: error });
  }
  try {
    return parseEnvFile(text);
  } catch (error) {
    if (!(error instanceof EnvFileError)) throw error;
    const hint = "a line is NAME=VALUE, NAME='VALUE' or NAME=\"VALUE\"";
    throw new VelosError("CONFIG_INVALID", { where: `${path}:${error.line}`, why: error.message, hint });
  }
};

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "\\": "\\", '"': '"', $: "$", "`": "`" };

/**
 * Parses the format of dotenv. `NAME=value` or `export NAME=value`, blanks around `=` allowed; a line that begins
 * with `#` is a comment, and so is what follows ` #` after a value (`a#b` is one value, as for shells and systemd).
 * 'Single quotes' keep everything, "double quotes" know \n \r \t \\ \" \$ \`; both may span lines. Nothing is
 * expanded. The last of equal names wins.
 * @throws EnvFileError with the line of what is wrong; of an open quote the line where it begins
 */
export const parseEnvFile = (text: string): Record<string, string> => {
  const source = text.replace(/^\ufeff/, "").replaceAll("\r\n", "\n");
  const variables: [string, string][] = [];
  const lineAt = (offset: number): number => source.slice(0, offset).split("\n").length;
  for (let at = 0; at < source.length;) {
    const blank = /\s*(?:#[^\n]*)?(?:\n|$)/y;
    const assignment = /[ \t]*(?:export[ \t]+)?([^=\n]*?)[ \t]*=[ \t]*/y;
    blank.lastIndex = assignment.lastIndex = at;
    if (blank.test(source)) {
      at = blank.lastIndex;
      continue;
    }
    const match = assignment.exec(source);
    if (!match) throw new EnvFileError(lineAt(at), "this line has no =");
    const name = match[1]!;
    if (!isVariableName(name))
      throw new EnvFileError(lineAt(at), `${JSON.stringify(name)} cannot be a variable's name`);
    const start = assignment.lastIndex;
    const { value, end } = readValue(source, start, (why, offset = start) => new EnvFileError(lineAt(offset), why));
    if (value.includes("\0")) throw new EnvFileError(lineAt(start), `${name} contains a NUL character`);
    variables.push([name, value]);
    at = end;
  }
  return Object.fromEntries(variables);
};

type Fail = (why: string, offset?: number) => EnvFileError;

/** One value and the offset of the line after it. */
const readValue = (source: string, start: number, fail: Fail): { value: string; end: number } => {
  const quote = source[start];
  if (quote !== "'" && quote !== '"') {
    const end = source.indexOf("\n", start);
    const line = source.slice(start, end < 0 ? source.length : end);
    return { value: line.replace(/(?:^|[ \t]+)#.*$/, "").trim(), end: end < 0 ? source.length : end + 1 };
  }
  const quoted = quote === "'" ? /'([^']*)'/y : /"((?:[^"\\]|\\[^])*)"/y;
  quoted.lastIndex = start;
  const match = quoted.exec(source);
  if (!match) throw fail(`this ${quote} is not closed`);
  const rest = /[ \t]*(?:#[^\n]*)?(?:\n|$)/y;
  rest.lastIndex = quoted.lastIndex;
  if (!rest.test(source)) throw fail(`there is more after the closing ${quote}`, quoted.lastIndex);
  const value =
    quote === "'" ? match[1]! : match[1]!.replace(/\\([^])/g, (pair, char: string) => ESCAPES[char] ?? pair);
  return { value, end: rest.lastIndex };
};
