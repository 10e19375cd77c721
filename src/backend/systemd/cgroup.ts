import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Scope, Usage } from "../backend.ts";
import { pageSize } from "../page-size.ts";

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

/** The number of a `key value` line, as cpu.stat and memory.events have them. */
const field = (lines: string | undefined, key: string): number | undefined => {
  const match = new RegExp(`^${key} (\\d+)$`, "m").exec(lines ?? "");
  return match ? Number(match[1]) : undefined;
};

/**
 * What the control group of a process uses. Where a controller is not there (hybrid mounts, some containers) memory is
 * the sum of the resident sets of its processes, and tasks are its threads as they are listed.
 */
export const cgroupUsage = async (pid: number): Promise<Usage> => {
  const directory = await cgroupOf(pid);
  if (directory === undefined) return {};
  const [cpu, memory, tasks] = await Promise.all([
    text(`${directory}/cpu.stat`),
    text(`${directory}/memory.current`),
    text(`${directory}/pids.current`),
  ]);
  const cpuUsec = field(cpu, "usage_usec");
  const memoryBytes = memory === undefined ? await residentBytes(directory) : Number(memory);
  const taskCount = tasks === undefined ? await threadCount(directory) : Number(tasks);
  return {
    ...(cpuUsec !== undefined && { cpuUsec }),
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(taskCount !== undefined && { tasks: taskCount }),
  };
};

/** Sum of the resident sets (statm field 2, in pages) of the processes in a control group. */
const residentBytes = async (directory: string): Promise<number | undefined> => {
  const pids = await text(`${directory}/cgroup.procs`);
  if (pids === undefined) return undefined;
  const pages = await Promise.all(
    pids
      .split("\n")
      .filter(Boolean)
      .map(async (pid) => Number((await text(`/proc/${pid}/statm`))?.split(" ")[1] ?? 0)),
  );
  return pages.reduce((sum, count) => sum + count, 0) * pageSize();
};

const threadCount = async (directory: string): Promise<number | undefined> =>
  (await text(`${directory}/cgroup.threads`))?.split("\n").filter(Boolean).length;

/** Controllers of the unified tree, or of the part of it that a user's manager was given: for `velos doctor`. */
export const controllers = async (scope: Scope): Promise<string[]> => {
  const whole = await cgroupRoot();
  const own = scope === "user" ? await cgroupOf(process.pid) : undefined;
  const directory = /^.*\/user@\d+\.service(?=\/|$)/.exec(own ?? "")?.[0] ?? whole;
  return ((await text(`${directory}/cgroup.controllers`)) ?? "").trim().split(" ").filter(Boolean);
};
