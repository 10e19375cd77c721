import type { Usage } from "../backend.ts";
import { pageSize } from "../page-size.ts";
import { cpuTimeOf } from "./cpu-time.ts";
import type { ProcessEntry } from "./process-table.ts";
import { familyOf, hasProc, readAllProcesses, TICKS_PER_SECOND } from "./process-table.ts";

/** How long one reading of all processes serves everybody who asks: a list of 50 instances reads /proc once. */
const SHARED_FOR_MS = 100;
let shared: { at: number; entries: ProcessEntry[] } | undefined;

const processes = (): ProcessEntry[] => {
  const now = performance.now();
  if (shared === undefined || now - shared.at > SHARED_FOR_MS) shared = { at: now, entries: readAllProcesses() };
  return shared.entries;
};

/**
 * What an instance uses. CPU time counts every member and the children it has waited for, in steps of 10 ms. Memory is
 * the sum of the resident sets: pages that several processes share count in each. `tasks` counts threads, as systemd does.
 */
export const usageOf = async (pid: number): Promise<Usage> => {
  if (!hasProc) return portableUsage(pid);
  let [ticks, pages, tasks] = [0, 0, 0];
  for (const entry of familyOf(pid, processes())) {
    ticks += entry.cpuTicks;
    pages += entry.residentPages;
    tasks += entry.threads;
  }
  return tasks === 0 ? {} : { cpuUsec: (ticks * 1e6) / TICKS_PER_SECOND, memoryBytes: pages * pageSize(), tasks };
};

/**
 * The same where there is no /proc, as on macOS. `tasks` counts processes there, and CPU time is of those that run: what
 * children took that have ended is not told.
 */
export const portableUsage = async (pid: number): Promise<Usage> => {
  const { processes: list } = await import("systeminformation");
  const all = (await list()).list;
  const family = new Set<number>([pid]);
  for (let before = 0; before !== family.size;) {
    before = family.size;
    for (const entry of all) if (family.has(entry.parentPid)) family.add(entry.pid);
  }
  const members = all.filter((entry) => family.has(entry.pid));
  if (members.length === 0) return {};
  const cpuUsec = await cpuTimeOf(members.map((entry) => entry.pid));
  return {
    memoryBytes: members.reduce((sum, entry) => sum + entry.memRss * 1024, 0),
    tasks: members.length,
    ...(cpuUsec !== undefined && { cpuUsec }),
  };
};
