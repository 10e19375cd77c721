import { readFileSync } from "node:fs";

/** How long a process may take to be the program that it executes: until then the kernel shows nothing. */
const EXECUTING_MS = 1000;

const strings = (path: string): string[] => {
  const deadline = Date.now() + EXECUTING_MS;
  for (;;) {
    const text = readFileSync(path, "utf8");
    if (text !== "" || Date.now() > deadline) return text.split("\0").slice(0, -1);
  }
};

/** The environment a process has, from the kernel. */
export const environmentOf = (pid: number): Record<string, string> =>
  Object.fromEntries(strings(`/proc/${pid}/environ`).map((pair) => pair.split(/=(.*)/s, 2) as [string, string]));

/** The words a process was started with. */
export const commandLineOf = (pid: number): string[] => strings(`/proc/${pid}/cmdline`);

/** Resident memory in megabytes. */
export const residentMegabytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
