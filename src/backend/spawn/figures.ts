import { readdirSync } from "node:fs";
import type { Figures } from "../backend.ts";
import { DescriptorBudget } from "../kept-files.ts";
import { Pace } from "../pace.ts";
import { pageSize } from "../page-size.ts";
import type { TimedEntry } from "../process-files.ts";
import { ProcessFiles } from "../process-files.ts";
import { hasProc, isDead, TICKS_PER_SECOND } from "./process-table.ts";

const USEC_PER_TICK = 1e6 / TICKS_PER_SECOND;
/** Open files are given back when nobody asked for this long. */
const IDLE_MS = 2 * 60_000;

/** All processes, and who belongs to whom: children by parent, members by group and by session. */
interface Table {
  entries: Map<number, TimedEntry>;
  related: Map<number, number[]>;
}

/**
 * The figures of process trees, each named by its main process: session, group and descendants. All are found in one
 * reading of /proc. CPU time includes children that were waited for and zombies that were not, so that it does not go
 * down when a child ends; what was adopted away (a daemon's second fork) takes its time along.
 */
export class TreeFigures {
  readonly #processes = new Map<number, ProcessFiles>();
  #budget: DescriptorBudget | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** In the order asked for; undefined for what has no process. All undefined where there is no /proc. */
  async read(mains: readonly (number | undefined)[]): Promise<(Figures | undefined)[] | undefined> {
    if (!hasProc) return undefined;
    const pace = new Pace();
    const table = await this.#readTable(pace);
    const figures: (Figures | undefined)[] = [];
    for (const main of mains) {
      if (pace.isDue()) await pace.rest();
      figures.push(main === undefined ? undefined : this.#sum(main, table));
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.close(), IDLE_MS).unref();
    return figures;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const files of this.#processes.values()) files.close();
    this.#processes.clear();
  }

  async #readTable(pace: Pace): Promise<Table> {
    const table: Table = { entries: new Map(), related: new Map() };
    const relate = (to: number, pid: number): void => {
      const known = table.related.get(to);
      if (known) known.push(pid);
      else table.related.set(to, [pid]);
    };
    for (const name of readdirSync("/proc")) {
      if (name < "1" || name > "9999999999") continue;
      if (pace.isDue()) await pace.rest();
      const entry = this.#entry(Number(name));
      if (!entry) continue;
      table.entries.set(entry.pid, entry);
      relate(entry.parent, entry.pid);
      if (entry.group !== entry.pid) relate(entry.group, entry.pid);
      if (entry.session !== entry.pid && entry.session !== entry.group) relate(entry.session, entry.pid);
    }
    for (const pid of [...this.#processes.keys()]) if (!table.entries.has(pid)) this.#drop(pid);
    return table;
  }

  #entry(pid: number): TimedEntry | undefined {
    const entry = this.#files(pid).stat();
    if (entry) return entry;
    // It ended; or the number is another process's by now, whose files are not these.
    this.#drop(pid);
    return this.#files(pid).stat();
  }

  #files(pid: number): ProcessFiles {
    const known = this.#processes.get(pid);
    if (known) return known;
    this.#budget ??= new DescriptorBudget();
    const files = new ProcessFiles(`/proc/${pid}`, this.#budget);
    this.#processes.set(pid, files);
    return files;
  }

  #drop(pid: number): void {
    this.#processes.get(pid)?.close();
    this.#processes.delete(pid);
  }

  #sum(main: number, { entries, related }: Table): Figures | undefined {
    if (!entries.has(main)) return undefined;
    const family = new Set([main]);
    // A set that grows while it is walked is walked to its end.
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
      const io = this.#files(pid).io();
      if (io) [readBytes, writtenBytes] = [readBytes + io.readBytes, writtenBytes + io.writtenBytes];
      else isIoKnown = false;
    }
    if (tasks === 0) return undefined;
    const openFds = this.#files(main).openDescriptors();
    return {
      cpuUserUsec: userTicks * USEC_PER_TICK,
      cpuSystemUsec: (ticks - userTicks) * USEC_PER_TICK,
      memoryBytes: pages * pageSize(),
      tasks,
      ...(openFds !== undefined && { openFds }),
      ...(isIoKnown && { readBytes, writtenBytes }),
    };
  }
}
