import { readFile, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { createSecureContext } from "node:tls";
import { readTokenFile } from "../config/api-tokens.ts";
import { readFailure } from "../config/read-failure.ts";
import type { ScopeConfig } from "../config/scope-schema.ts";
import { VelosError } from "../domain/errors.ts";
import { isLoopback } from "./access/peer.ts";
import { Tokens } from "./access/tokens.ts";
import type { Where } from "./listen.ts";

/** What velos.toml says about the server, read and checked. */
export interface Settings {
  tokens: Tokens;
  hosts: ReadonlySet<string>;
  origins: ReadonlySet<string>;
  requestsPerMinute: number;
  tls?: { cert: string; key: string };
}

const DEFAULT_REQUESTS_PER_MINUTE = 6000;

/**
 * Reads the settings of the server.
 * @param path of the file that `config` is from
 * @throws VelosError CONFIG_INVALID; USAGE when it would let everybody in
 */
export const readSettings = async (
  config: ScopeConfig,
  path: string,
  where: Where,
  note: (text: string) => void,
): Promise<Settings> => {
  const listed = [
    ...(config.apiTokens ?? []),
    ...(config.apiTokenFile === undefined ? [] : await readTokenFile(config.apiTokenFile)),
  ];
  const tokens = new Tokens(listed);
  if (config.apiTokens) await warnOfReaders(path, note);
  const short = listed.find(({ token }) => token.length < 16);
  if (short) note(`the token ${short.name} is short enough to be guessed; \`openssl rand -hex 32\` makes a better one`);
  if ("host" in where && !isLocal(where.host) && tokens.isEmpty) {
    throw new VelosError("USAGE", {
      why: `--host ${where.host} without a token would let everybody on the network run programs here`,
      hint: `set api_token in ${path}`,
    });
  }
  return {
    tokens,
    hosts: new Set([
      hostname().toLowerCase(),
      ...("host" in where ? [where.host.toLowerCase()] : []),
      ...(config.apiHosts ?? []).map((name) => name.toLowerCase()),
    ]),
    origins: new Set(config.apiCorsOrigins),
    requestsPerMinute: config.apiRateLimit ?? DEFAULT_REQUESTS_PER_MINUTE,
    ...(await readTls(config, path)),
  };
};

const isLocal = (host: string): boolean => host === "localhost" || isLoopback(host);

const warnOfReaders = async (path: string, note: (text: string) => void): Promise<void> => {
  const found = await stat(path).catch(() => undefined);
  if (found && (found.mode & 0o004) !== 0)
    note(`everybody on this machine can read the token in ${path}; \`chmod 600 ${path}\`, or use api_token_file`);
};

const readTls = async (config: ScopeConfig, path: string): Promise<Pick<Settings, "tls">> => {
  const { apiTlsCert, apiTlsKey } = config;
  if (apiTlsCert === undefined && apiTlsKey === undefined) return {};
  const invalid = (why: string, hint: string): VelosError =>
    new VelosError("CONFIG_INVALID", { where: path, why, hint });
  if (apiTlsCert === undefined || apiTlsKey === undefined)
    throw invalid("api_tls_cert and api_tls_key go together", "set both, or none of them");
  const read = async (key: string, file: string): Promise<string> =>
    readFile(file, "utf8").catch((error: unknown) => {
      throw invalid(`${key}: cannot read ${file}: ${readFailure(error)}`, "it is a PEM file");
    });
  const tls = { cert: await read("api_tls_cert", apiTlsCert), key: await read("api_tls_key", apiTlsKey) };
  try {
    createSecureContext(tls);
  } catch (error) {
    throw invalid(`api_tls_cert and api_tls_key do not fit: ${(error as Error).message}`, "both are PEM files");
  }
  return { tls };
};
