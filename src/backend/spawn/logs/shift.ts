import { existsSync, renameSync, rmSync } from "node:fs";
import { rotatedPath } from "./paths.ts";

/** Makes `copy` the latest rotated file (`.1`), the others one older, and drops those beyond `keep`. */
export const shiftIn = (path: string, copy: string, keep: number): void => {
  let count = 0;
  while (existsSync(rotatedPath(path, count + 1))) count++;
  for (let age = count; age >= 1; age--) {
    if (age >= keep) rmSync(rotatedPath(path, age));
    else renameSync(rotatedPath(path, age), rotatedPath(path, age + 1));
  }
  if (keep >= 1) renameSync(copy, rotatedPath(path, 1));
  else rmSync(copy);
};
