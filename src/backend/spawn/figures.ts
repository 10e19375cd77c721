import { readdirSync, readFileSync } from "node:fs";
import type { Figures } from "../backend.ts";
import { openDescriptors } from "../open-descriptors.ts";
import { Pace } from "../pace.ts";
import { pageSize } from "../page-size.ts";
import { processIo } from "../process-io.ts";
import type { ProcessEntry } from "./process-table.ts";
import { hasProc, isDead, parseStat, TICKS_PER_SECOND } from "./process-table.ts";

interface TimedEntry extends ProcessEntry {
  /** The part of `cpuTicks` that was spent outside of the kernel. */
  userTicks: number;
}

const USEC_PER_TICK = 1e6 / TICKS_PER_SECOND;

/**
 * The figures of process trees, each named by its main process: session, group and descendants. All are found in one
 * reading of /proc. CPU time includes children that were waited for and zombies that were not, so that it does not go
 * down when a child ends; what was adopted away (a daemon's second fork) takes its time along.
 */
export const treeFigures = async (
  mains: readonly (number | undefined)[],
): Promise<(Figures | undefined)[] | undefined> => {
  if (!hasProc) return undefined;
  const pace = new Pace();
  const table = await readTable(pace);
  const figures: (Figures | undefined)[] = [];
  for (const main of mains) {
    if (pace.isDue()) await pace.rest();
    figures.push(main === undefined ? undefined : sum(main, table));
  }
  return figures;
};

/** All processes, and who belongs to whom: children by parent, members by group and by session. */
interface Table {
  entries: Map<number, TimedEntry>;
  related: Map<number, number[]>;
}

const readTable = async (pace: Pace): Promise<Table> => {
  const table: Table = { entries: new Map(), related: new Map() };
  const relate = (to: number, pid: number): void => {
    const known = table.related.get(to);
    if (known) known.push(pid);
    else table.related.set(to, [pid]);
  };
  for (const name of readdirSync("/proc")) {
    if (name < "1" || name > "9999999999") continue;
    if (pace.isDue()) await pace.rest();
    const entry = readEntry(Number(name));
    if (!entry) continue;
    table.entries.set(entry.pid, entry);
    relate(entry.parent, entry.pid);
    if (entry.group !== entry.pid) relate(entry.group, entry.pid);
    if (entry.session !== entry.pid && entry.session !== entry.group) relate(entry.session, entry.pid);
  }
  return table;
};

const readEntry = (pid: number): TimedEntry | undefined => {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, "latin1");
    const rest = line.slice(line.lastIndexOf(")") + 2).split(" ");
    // utime and cutime, fields 14 and 16 of proc(5); rest[0] is field 3.
    return { ...parseStat(line), userTicks: Number(rest[11]) + Number(rest[13]) };
  } catch {
    return undefined;
  }
};

const sum = (main: number, { entries, related }: Table): Figures | undefined => {
  if (!entries.has(main)) return undefined;
  const family = new Set([main]);
  // A set that grows while it is walked is walked to its end. Only the main process's group and session belong to it.
  for (const pid of family) for (const other of related.get(pid) ?? []) family.add(other);
  let [ticks, userTicks, pages, tasks, readBytes, writtenBytes] = [0, 0, 0, 0, 0, 0];
  let isIoKnown = true;
  for (const pid of family) {
    const entry = entries.get(pid);
    if (!entry) continue;
    ticks += entry.cpuTicks;
    userTicks += entry.userTicks;
    if (isDead(entry)) continue;
    pages += entry.residentPages;
    tasks += entry.threads;
    const io = processIo(pid);
    if (io) [readBytes, writtenBytes] = [readBytes + io.readBytes, writtenBytes + io.writtenBytes];
    else isIoKnown = false;
  }
  if (tasks === 0) return undefined;
  const openFds = openDescriptors(main);
  return {
    cpuUserUsec: userTicks * USEC_PER_TICK,
    cpuSystemUsec: (ticks - userTicks) * USEC_PER_TICK,
    memoryBytes: pages * pageSize(),
    tasks,
    ...(openFds !== undefined && { openFds }),
    ...(isIoKnown && { readBytes, writtenBytes }),
  };
};
