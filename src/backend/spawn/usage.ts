import { readFileSync } from "node:fs";
import { endianness } from "node:os";
import type { Usage } from "../backend.ts";
import type { ProcessEntry } from "./process-table.ts";
import { hasProc, isDead, readAllProcesses, TICKS_PER_SECOND } from "./process-table.ts";

/** Page size of the machine: entry AT_PAGESZ (6) of the auxiliary vector, pairs of 64-bit words. */
const readPageSize = (): number => {
  const vector = readFileSync("/proc/self/auxv");
  const word = (at: number): number =>
    Number(endianness() === "LE" ? vector.readBigUInt64LE(at) : vector.readBigUInt64BE(at));
  for (let at = 0; at + 16 <= vector.length; at += 16) if (word(at) === 6) return word(at + 8);
  return 4096;
};

let pageSize: number | undefined;

/** How long one reading of all processes serves everybody who asks: a list of 50 instances reads /proc once. */
const SHARED_FOR_MS = 100;
let shared: { at: number; entries: ProcessEntry[] } | undefined;

const processes = (): ProcessEntry[] => {
  const now = performance.now();
  if (shared === undefined || now - shared.at > SHARED_FOR_MS) shared = { at: now, entries: readAllProcesses() };
  return shared.entries;
};

/** The processes of an instance: its session and group, and all that descend from its main process. */
export const familyOf = (pid: number, entries: readonly ProcessEntry[]): ProcessEntry[] => {
  const family = new Set<number>([pid]);
  for (const entry of entries) if (entry.group === pid || entry.session === pid) family.add(entry.pid);
  for (let before = 0; before !== family.size;) {
    before = family.size;
    for (const entry of entries) if (family.has(entry.parent)) family.add(entry.pid);
  }
  return entries.filter((entry) => family.has(entry.pid) && !isDead(entry));
};

/**
 * What an instance uses. CPU time counts every member and the children it has waited for, in steps of 10 ms. Memory is
 * the sum of the resident sets: pages that several processes share count in each. `tasks` counts threads, as systemd does.
 */
export const usageOf = async (pid: number): Promise<Usage> => {
  if (!hasProc) return portableUsage(pid);
  pageSize ??= readPageSize();
  let [ticks, pages, tasks] = [0, 0, 0];
  for (const entry of familyOf(pid, processes())) {
    ticks += entry.cpuTicks;
    pages += entry.residentPages;
    tasks += entry.threads;
  }
  return tasks === 0 ? {} : { cpuUsec: (ticks * 1e6) / TICKS_PER_SECOND, memoryBytes: pages * pageSize, tasks };
};

/** Where there is no /proc: memory and the number of processes; CPU time is not to be had there. */
const portableUsage = async (pid: number): Promise<Usage> => {
  const { processes: list } = await import("systeminformation");
  const all = (await list()).list;
  const family = new Set<number>([pid]);
  for (let before = 0; before !== family.size;) {
    before = family.size;
    for (const entry of all) if (family.has(entry.parentPid)) family.add(entry.pid);
  }
  const members = all.filter((entry) => family.has(entry.pid));
  if (members.length === 0) return {};
  return { memoryBytes: members.reduce((sum, entry) => sum + entry.memRss * 1024, 0), tasks: members.length };
};
