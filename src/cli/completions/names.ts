import { setTimeout as delay } from "node:timers/promises";
import { Connection } from "../../client/connection.ts";
import type { Scope } from "../../config/paths.ts";
import { resolvePaths } from "../../config/paths.ts";

/** Nobody waits longer for a completion. */
const PATIENCE_MS = 1000;

/** What `velos __names` is told of its process. */
export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>;
  uid: number | undefined;
}

/**
 * The names of apps and instances, for `velos __names [--system|--user|--host…]`. Never starts velosd (its socket may wake
 * it) and never complains: where nothing can be said nothing is. Another server is not asked: that takes too long.
 */
export const namesThere = async (words: readonly string[], { env, uid }: Surroundings): Promise<string[]> => {
  if (env["VELOS_HOST"] || words.some((word) => word.startsWith("--host"))) return [];
  const scope: Scope = words.includes("--user") || (uid !== 0 && !words.includes("--system")) ? "user" : "system";
  let daemon: Connection | undefined;
  try {
    daemon = await Connection.open(resolvePaths(scope, env).socket);
    return await Promise.race([lookUp(daemon), delay(PATIENCE_MS, [], { ref: false })]);
  } catch {
    return [];
  } finally {
    // Also that of a velosd that does not answer: it would keep this process.
    daemon?.close();
  }
};

const lookUp = async (daemon: Connection): Promise<string[]> => {
  const { apps } = await daemon.call("list", {});
  return apps.flatMap(({ name, processes }) => [name, ...processes.map((instance) => instance.name)]);
};
