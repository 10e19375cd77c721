import { readFileSync } from "node:fs";

/** How many connections each instance of an app says that it has, by index; see src/domain/load-table.ts. */
export const readLoadTable = (path: string): number[] => {
  const bytes = readFileSync(path);
  return Array.from({ length: bytes.length / 8 }, (_, index) => bytes.readInt32LE(index * 8 + 4));
};
