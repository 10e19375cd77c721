import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** How long those may take together: a client writes its first request as soon as it is connected. */
const PATIENCE_MS = 200;
const LOOK_EVERY_MS = 2;

/**
 * Resolves when every client has got something for its first request. A velosd that ends has taken their connections
 * from the socket, where they would have waited for the next velosd: so it is this one that has to answer them. Who waits
 * for something that takes longer is told to repeat the command.
 */
export const newcomersAnswered = async (sockets: ReadonlySet<Socket>, patienceMs = PATIENCE_MS): Promise<void> => {
  const deadline = performance.now() + patienceMs;
  const isWaiting = ({ bytesWritten, destroyed }: Socket): boolean => bytesWritten === 0 && !destroyed;
  while ([...sockets].some(isWaiting) && performance.now() < deadline) await delay(LOOK_EVERY_MS);
};
