import { readFileSync } from "node:fs";

const strings = (path: string): string[] => readFileSync(path, "utf8").split("\0").slice(0, -1);

/** The environment a process has, from the kernel. */
export const environmentOf = (pid: number): Record<string, string> =>
  Object.fromEntries(strings(`/proc/${pid}/environ`).map((pair) => pair.split(/=(.*)/s, 2) as [string, string]));

/** The words a process was started with. */
export const commandLineOf = (pid: number): string[] => strings(`/proc/${pid}/cmdline`);

/** Resident memory in megabytes. */
export const residentMegabytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
