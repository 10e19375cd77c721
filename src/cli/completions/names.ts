import { setTimeout as delay } from "node:timers/promises";
import { Connection } from "../../client/connection.ts";
import type { Scope } from "../../config/paths.ts";
import { resolvePaths } from "../../config/paths.ts";
import type { Terminal } from "../terminal.ts";

/** Nobody waits longer for a completion. */
const PATIENCE_MS = 1000;

/**
 * `velos __names [--system|--user]`, for completion scripts: the names of apps and instances, one a line. Never starts
 * velosd and never complains: where nothing can be said nothing is.
 */
export const printNames = async (words: readonly string[], terminal: Terminal): Promise<number> => {
  const names = await Promise.race([
    lookUp(scopeOf(words, terminal), terminal),
    delay(PATIENCE_MS, [], { ref: false }),
  ]);
  if (names.length > 0) terminal.stdout.write(`${names.join("\n")}\n`);
  return 0;
};

const scopeOf = (words: readonly string[], terminal: Terminal): Scope => {
  if (words.includes("--user")) return "user";
  return words.includes("--system") || terminal.getuid?.() === 0 ? "system" : "user";
};

const lookUp = async (scope: Scope, terminal: Terminal): Promise<string[]> => {
  let daemon: Connection | undefined;
  try {
    daemon = await Connection.open(resolvePaths(scope, terminal.env).socket);
    const { apps } = await daemon.call("list", {});
    return apps.flatMap(({ name, processes }) => [name, ...processes.map((instance) => instance.name)]);
  } catch {
    return [];
  } finally {
    daemon?.close();
  }
};
