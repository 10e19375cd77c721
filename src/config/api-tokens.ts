import { readFile, stat } from "node:fs/promises";
import { VelosError } from "../domain/errors.ts";
import { isTable } from "./environment-kinds.ts";
import type { Kind } from "./kinds.ts";
import { Misfit, showValue } from "./misfit.ts";
import { isAbsent, readFailure } from "./read-failure.ts";

/** What the holder of a token may do: look; act on apps; see secrets, too. */
export type TokenScope = "read" | "operate" | "admin";

/** A token of the REST API. */
export interface ApiToken {
  /** For people: who has it. */
  name: string;
  access: TokenScope;
  token: string;
}

const scopes: readonly TokenScope[] = ["read", "operate", "admin"];

/** Characters that every header takes, and no list of words is cut at. */
const TOKEN = /^[\x21-\x7e]{1,512}$/;
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

const TOKEN_HINT = "make one with `openssl rand -hex 32`";

/** One token, or several with names and scopes. A token by itself may do everything. */
export const apiTokens: Kind<ApiToken[]> = {
  expects: "a token, or an array of { name, scope, token }",
  json: {},
  read: (value) => {
    if (typeof value === "string") return [{ name: "api_token", access: "admin", token: readToken(value, []) }];
    if (!Array.isArray(value)) throw new Misfit();
    const tokens = value.map(readEntry);
    const twice = tokens.find(({ name }, at) => tokens.findIndex((other) => other.name === name) !== at);
    if (twice) throw new Misfit(`two tokens have the name ${twice.name}`, { hint: "give each a name of its own" });
    return tokens;
  },
};

const readEntry = (value: unknown, at: number): ApiToken => {
  const hint = 'write { name = "dashboard", scope = "read", token = "…" }';
  if (!isTable(value)) throw new Misfit(`each should be a table, not ${showValue(value)}`, { path: [at], hint });
  const { name, scope, token, ...others } = value;
  const [other] = Object.keys(others);
  if (other !== undefined) throw new Misfit(`a token has no ${other}`, { path: [at, other], part: "key", hint });
  if (typeof name !== "string" || !NAME.test(name))
    throw new Misfit("each needs a name of letters, digits and _ . -", { path: [at], hint });
  const access = scopes.find((one) => one === scope);
  if (!access) throw new Misfit(`the scope of ${name} should be read, operate or admin`, { path: [at], hint });
  return { name, access, token: readToken(token, [at]) };
};

/** Tokens are secrets: no message shows one. */
const readToken = (token: unknown, path: readonly (string | number)[]): string => {
  if (typeof token === "string" && TOKEN.test(token)) return token;
  throw new Misfit("a token is 1 to 512 plain characters without a space", { path, hint: TOKEN_HINT });
};

/**
 * Reads a file of tokens: a line each, `<name> <scope> <token>`, or one token by itself, which may do everything. Empty
 * lines and those that begin with # do not count.
 * @throws VelosError CONFIG_INVALID with file and line; also when others may read the file
 */
export const readTokenFile = async (path: string): Promise<ApiToken[]> => {
  let text: string;
  try {
    const { mode } = await stat(path);
    if ((mode & 0o007) !== 0)
      throw invalid(path, "everybody on this machine can read or write it", `chmod 600 ${path}`);
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof VelosError) throw error;
    const why = isAbsent(error) ? "there is no such file" : `it cannot be read: ${readFailure(error)}`;
    throw invalid(path, why, "check api_token_file in velos.toml");
  }
  const tokens: ApiToken[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    const words = line.trim().split(/\s+/);
    if (words[0] === "" || words[0]!.startsWith("#")) continue;
    const token = readLine(words, at + 1);
    if (token === undefined)
      throw invalid(`${path}:${at + 1}`, "this is not `<name> <scope> <token>`", "the scope is read, operate or admin");
    if (tokens.some(({ name }) => name === token.name))
      throw invalid(`${path}:${at + 1}`, `there is another token ${token.name}`, "give each a name of its own");
    tokens.push(token);
  }
  if (tokens.length === 0) throw invalid(path, "there is no token in it", TOKEN_HINT);
  return tokens;
};

const readLine = (words: readonly string[], line: number): ApiToken | undefined => {
  const [name, scope, token] = words.length === 1 ? [`line-${line}`, "admin", words[0]] : words;
  const access = scopes.find((one) => one === scope);
  const isWhole = words.length === 1 || words.length === 3;
  return isWhole && access && NAME.test(name) && TOKEN.test(token!) ? { name: name, access, token: token! } : undefined;
};

const invalid = (where: string, why: string, hint: string): VelosError =>
  new VelosError("CONFIG_INVALID", { where, why, hint });
