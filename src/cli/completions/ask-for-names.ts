import { setTimeout as delay } from "node:timers/promises";
import { Connection } from "../../client/connection.ts";

/** Nobody waits longer for a completion. */
const PATIENCE_MS = 1000;

/** The names of apps and instances by velosd, which is not started for it; its socket may wake it. None where it is not. */
export const askForNames = async (socket: string): Promise<string[]> => {
  let daemon: Connection | undefined;
  try {
    daemon = await Connection.open(socket);
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
