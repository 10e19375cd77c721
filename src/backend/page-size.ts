import { readFileSync } from "node:fs";
import { endianness } from "node:os";

let known: number | undefined;

/** Page size of the machine in bytes: entry AT_PAGESZ (6) of the auxiliary vector, pairs of 64-bit words. */
export const pageSize = (): number => (known ??= read());

const read = (): number => {
  const vector = readFileSync("/proc/self/auxv");
  const word = (at: number): number =>
    Number(endianness() === "LE" ? vector.readBigUInt64LE(at) : vector.readBigUInt64BE(at));
  for (let at = 0; at + 16 <= vector.length; at += 16) if (word(at) === 6) return word(at + 8);
  return 4096;
};
