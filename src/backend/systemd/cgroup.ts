import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Scope } from "../backend.ts";

const text = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
};

/** Where cgroup v2 is mounted: the whole tree, or beside v1 (hybrid). */
const roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
let root: Promise<string> | undefined;

const findRoot = async (): Promise<string> => {
  for (const candidate of roots) if ((await text(`${candidate}/cgroup.controllers`)) !== undefined) return candidate;
  return roots[0]!;
};

/** Directory where the unified tree is mounted. */
export const cgroupRoot = async (): Promise<string> => (root ??= findRoot());

/**
 * Directory of the control group of a process; undefined when the process is gone.
 * Format of /proc/PID/cgroup: cgroups(7); the v2 line begins with `0::`.
 */
export const cgroupOf = async (pid: number): Promise<string | undefined> => {
  const lines = await text(`/proc/${pid}/cgroup`);
  const path = /^0::(\/.*)$/m.exec(lines ?? "")?.[1];
  if (path === undefined) return undefined;
  root ??= findRoot();
  return (await root) + path;
};

/**
 * Path of a unit's control group in the unified tree, found by its main process; also where that process has made
 * groups of its own below the unit's (`Delegate=`). Undefined when the process is gone.
 */
export const groupOf = (unit: string, pid: number): string | undefined => {
  try {
    const path = /^0::(\/.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "latin1"))?.[1];
    const at = path?.indexOf(`/${unit}`) ?? -1;
    return at < 0 ? undefined : path!.slice(0, at + 1 + unit.length);
  } catch {
    return undefined;
  }
};

/** Controllers of the unified tree, or of the part of it that a user's manager was given: for `velos doctor`. */
export const controllers = async (scope: Scope): Promise<string[]> => {
  const whole = await cgroupRoot();
  const own = scope === "user" ? await cgroupOf(process.pid) : undefined;
  const directory = /^.*\/user@\d+\.service(?=\/|$)/.exec(own ?? "")?.[0] ?? whole;
  return ((await text(`${directory}/cgroup.controllers`)) ?? "").trim().split(" ").filter(Boolean);
};
