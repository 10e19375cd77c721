import { readdirSync, statSync } from "node:fs";

let statTells: boolean | undefined;

/** How many descriptors a process has open; undefined where that may not be known. Linux only. */
export const openDescriptors = (pid: number): number | undefined => {
  const path = `/proc/${pid}/fd`;
  try {
    // Since Linux 6.2 the directory's size is the number; before that it is 0 and the entries have to be counted.
    statTells ??= statSync("/proc/self/fd").size > 0;
    return statTells ? statSync(path).size : readdirSync(path).length;
  } catch {
    return undefined;
  }
};
