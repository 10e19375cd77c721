import type { AppSpec } from "./app.ts";
import { hasPreload } from "./app.ts";

/**
 * True when the app's instances share sockets, and their preload keeps connections even over them: each tells the others
 * in a file, the load table, how many connections keep it busy. It has 8 bytes for each index, two 32-bit integers of the
 * machine's order: the instance's pid (0: none) and that number.
 */
export const usesLoadTable = (spec: AppSpec): boolean =>
  hasPreload(spec) && spec.listen.length > 0 && spec.maxConnectionAgeMs > 0;
