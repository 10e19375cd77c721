import { closeSync, openSync } from "node:fs";
import { join } from "node:path";

/** Room in `sun_path` where it is smallest (macOS), less the closing zero. */
const ROOM = 103;

/** Directory of the keeper's socket and its own log; for velosd's user only, who may start anything with it. */
export const keeperDirectory = (stateDir: string): string => join(stateDir, "keeper");

/**
 * Path of the keeper's socket, as connect(2) and bind(2) take it.
 * @param use called with the path, which is good only meanwhile: a directory too deep for a socket's path is reached
 *   through a descriptor of it, which Linux has a short path for
 */
export const withControlPath = <T>(directory: string, use: (path: string) => T): T => {
  const path = join(directory, "s");
  if (Buffer.byteLength(path) <= ROOM || process.platform !== "linux") return use(path);
  const descriptor = openSync(directory, "r");
  try {
    return use(`/proc/self/fd/${descriptor}/s`);
  } finally {
    closeSync(descriptor);
  }
};
