import type { AppSpec } from "./app.ts";
import { hasPreload } from "./app.ts";
import { VelosError } from "./errors.ts";

/** Whom a health check asks, for one instance. */
export type HealthTarget =
  | { kind: "socket"; socket: string; path: string }
  | { kind: "http"; url: string }
  | { kind: "tcp"; host: string; port: number }
  | { kind: "command"; words: string[] };

/**
 * True when the instance is asked through a socket of its own, which the preload opens: behind a shared listening
 * socket nobody could say which instance answered.
 */
export const usesHealthSocket = (spec: AppSpec): boolean =>
  hasPreload(spec) && spec.listen.length > 0 && spec.health?.http?.startsWith("/") === true;

/**
 * The target of an instance's health check.
 * @param env the instance's environment, for `{NAME}` in URLs and addresses
 * @throws VelosError SPEC_INVALID when the instance cannot be told from the others, or a variable is missing
 */
export const healthTarget = (
  spec: AppSpec,
  env: Readonly<Record<string, string>>,
  healthSocket: string,
): HealthTarget | undefined => {
  const { health } = spec;
  if (!health) return undefined;
  if (health.command) return { kind: "command", words: health.command };
  const written = health.http ?? health.tcp ?? "";
  const fail = (why: string, hint: string): never => {
    throw new VelosError("SPEC_INVALID", { where: `health of ${spec.name}`, why, hint });
  };
  const filled = written.replace(
    /\{(\w+)\}/g,
    (_, name: string) => env[name] ?? fail(`there is no variable ${name}`, "set it in env"),
  );
  if (health.tcp !== undefined) {
    const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(filled);
    if (!match) return fail(`'${health.tcp}' is not host:port`, 'write for example tcp = "127.0.0.1:{PORT}"');
    return { kind: "tcp", host: match[1] ?? match[2]!, port: Number(match[3]) };
  }
  if (!filled.startsWith("/")) {
    if (!/^https?:\/\//.test(filled))
      return fail(`'${written}' is neither a path nor a URL`, 'write for example http = "/healthz"');
    return { kind: "http", url: filled };
  }
  if (usesHealthSocket(spec)) return { kind: "socket", socket: healthSocket, path: filled };
  if (spec.listen.length > 0) {
    return fail(
      "behind a shared socket any instance might answer",
      "use command, or a URL with a port of each instance's own (increment_var)",
    );
  }
  const port = env["PORT"];
  if (port === undefined)
    return fail("its port is not known", 'set PORT in env, or write a URL: http = "http://127.0.0.1:8080/healthz"');
  return { kind: "http", url: `http://127.0.0.1:${port}${filled}` };
};
