import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";

/** What velosd needs of Node to serve. */
const needed =
  "assert child_process crypto events fs fs/promises net os path perf_hooks readline stream stream/promises timers/promises util";

/**
 * Makes this process a small one: velosd may be there for years, and its memory is the user's. Seen with 50 instances on
 * Node 20: 71 MB resident without, below 60 with young generations that do not grow, code optimised only when it is
 * really hot, and (`start-daemon.ts`, units/) one malloc arena and one compiler thread.
 */
export const beLean = (): void => {
  // Node has its own modules compiled, for the flags it was built with. Loaded before the flags change they take a
  // quarter of the time, some 20 ms in all.
  const require = createRequire(__filename);
  for (const name of needed.split(" ")) require(`node:${name}`);
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--optimize-for-size");
  // A flag that V8 does not know is complained of; 24 does not know this one.
  if (process.versions.node.startsWith("20.")) setFlagsFromString("--interrupt-budget=2000000");
};
