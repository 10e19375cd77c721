import { join } from "node:path";

/** `<state>/logs/<app>`. */
export const logDirectory = (stateDir: string, app: string): string => join(stateDir, "logs", app);

/** The file that an instance writes to; its rotated ones are `<index>.log.1` (the latest), `.2` … */
export const logPath = (stateDir: string, app: string, index: number): string =>
  join(logDirectory(stateDir, app), `${index}.log`);

/** The index of an instance's log file; undefined for rotated files, marks and strangers. */
export const indexOfLog = (name: string): number | undefined => {
  const match = /^(\d+)\.log$/.exec(name);
  return match ? Number(match[1]) : undefined;
};

export const rotatedPath = (path: string, age: number): string => `${path}.${age}`;
export const marksPath = (path: string): string => `${path}.marks`;

/** A copy under way; `base` is where the log will begin, at least, once the copied part is cut off. */
export const rotatingPath = (path: string, base: number): string => `${path}.rotating.${base}`;
