import { connect } from "node:net";
import { connectDaemon } from "../client/connect.ts";
import { GREETING } from "../client/connect-remote.ts";
import type { Scope } from "../config/paths.ts";
import { resolvePaths } from "../config/paths.ts";
import { version } from "../domain/version.ts";
import type { Terminal } from "./terminal.ts";

/**
 * `velos dial-stdio [--no-start] [--system|--user] [--backend=NAME]`: what `velos --host` calls on the server. Passes on
 * what velosd and the standard streams say, until one of them ends.
 */
export const dialStdio = async (words: readonly string[], terminal: Terminal): Promise<number> => {
  const isUser = words.includes("--user") || (terminal.getuid?.() !== 0 && !words.includes("--system"));
  const scope: Scope = isUser ? "user" : "system";
  const paths = resolvePaths(scope, terminal.env);
  const backend = words.find((word) => word.startsWith("--backend="))?.slice("--backend=".length);
  const options = { paths, backend, env: terminal.env, start: !words.includes("--no-start") };
  // It is there, or is started, or it is said why not.
  (await connectDaemon(options)).close();
  const socket = connect(paths.socket);
  terminal.stdout.write(`${GREETING}${version}\n`);
  terminal.stdin.pipe(socket).pipe(terminal.stdout);
  return new Promise((resolve) => {
    socket.once("error", () => resolve(1));
    socket.once("close", () => resolve(0));
  });
};
