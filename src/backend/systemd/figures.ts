import { dirname } from "node:path";
import type { Figures, Usage } from "../backend.ts";
import { DescriptorBudget, KeptFiles } from "../kept-files.ts";
import { Pace } from "../pace.ts";
import { pageSize } from "../page-size.ts";
import { ProcessFiles } from "../process-files.ts";
import { cgroupRoot, groupOf } from "./cgroup.ts";
import { total, value } from "./kernel-numbers.ts";
import { ParentGroups } from "./parent-groups.ts";
import type { ParentGroup } from "./parent-groups.ts";

/** A run whose control group is to be read. */
export interface FiguresTarget {
  unit: string;
  run: string;
  pid: number;
}

/** What is kept open of a run. */
interface Entry {
  run: string;
  group: KeptFiles;
  /** The group above: its app's slice, unless an operator put the unit elsewhere. */
  parent: ParentGroup;
  main: ProcessFiles;
  /** The processes in it, where their files have to be read: see `addProcesses`. */
  processes: Map<string, ProcessFiles>;
  /** The last figures, the CPU time they were read at, and until when they may stand for new ones: see `read`. */
  figures?: Figures;
  usageUsec?: number;
  goodUntil?: number;
  /** CPU time of the group above, read before `figures`. */
  parentUsageUsec?: number;
}

/**
 * How long figures stand in for new ones while a group uses no CPU time. What changes without any is the kernel's doing:
 * memory that it takes back, pages that it writes later; and waiting that goes on, which is told when it ends.
 */
const IDLE_GOOD_MS = 30_000;

/** Open files are given back when nobody asked for this long. */
const IDLE_MS = 2 * 60_000;

/** Reads what the kernel counts of units' control groups. */
export class CgroupFigures {
  readonly #entries = new Map<string, Entry>();
  readonly #parents = new ParentGroups();
  readonly #usagePace = new Pace();
  #budget: DescriptorBudget | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * The figures in the order asked for; undefined for what has no process, or just ended. Those of a group that used no
   * CPU time since the last look may be the last ones, at most IDLE_GOOD_MS old: one file is read then instead of a
   * dozen, and for an app of which no instance ran one file for all of them.
   */
  async read(targets: readonly (FiguresTarget | undefined)[]): Promise<(Figures | undefined)[]> {
    const root = await cgroupRoot();
    this.#budget ??= new DescriptorBudget();
    this.#parents.nextRound();
    const pace = new Pace();
    const figures: (Figures | undefined)[] = [];
    const asked = new Set<string>();
    for (const target of targets) {
      if (pace.isDue()) await pace.rest();
      if (target) asked.add(target.unit);
      figures.push(target && this.#readOne(target, root));
    }
    for (const unit of this.#entries.keys()) if (!asked.has(unit)) this.#drop(unit);
    this.#parents.keepOnly([...this.#entries.values()].map(({ parent }) => parent));
    this.#closeLater();
    return figures;
  }

  /** CPU time, memory and tasks alone, of one run, at this moment. */
  async usage(target: FiguresTarget): Promise<Usage> {
    const root = await cgroupRoot();
    if (this.#usagePace.isDue()) await this.#usagePace.rest();
    const budget = (this.#budget ??= new DescriptorBudget());
    const entry = this.#entry(target, root);
    if (!entry) return {};
    this.#closeLater();
    const cpuUsec = value(entry.group.read("cpu.stat"), "usage_usec ");
    const memoryBytes = value(entry.group.read("memory.current"), "") ?? processMemory(entry, budget);
    const tasks = value(entry.group.read("pids.current"), "") ?? threads(entry);
    if (entry.group.isGone) {
      this.#drop(target.unit);
      return {};
    }
    return { ...(cpuUsec !== undefined && { cpuUsec }), ...(memoryBytes !== undefined && { memoryBytes }), tasks };
  }

  /** To be told of units that are gone: nothing of them is kept open. */
  forget(unit: string): void {
    this.#drop(unit);
  }

  #closeLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.close(), IDLE_MS).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const unit of [...this.#entries.keys()]) this.#drop(unit);
    this.#parents.keepOnly([]);
  }

  #readOne(target: FiguresTarget, root: string): Figures | undefined {
    const entry = this.#entry(target, root);
    if (!entry) return undefined;
    const now = performance.now();
    const isGood = entry.figures !== undefined && now < entry.goodUntil!;
    const parentUsageUsec = this.#parents.usageUsec(entry.parent);
    if (isGood && parentUsageUsec !== undefined && parentUsageUsec === entry.parentUsageUsec) return entry.figures;
    const cpu = entry.group.read("cpu.stat");
    const usageUsec = value(cpu, "usage_usec ");
    // Read before the group's: what runs between the two readings counts as not seen.
    if (parentUsageUsec !== undefined) entry.parentUsageUsec = parentUsageUsec;
    if (isGood && usageUsec !== undefined && usageUsec === entry.usageUsec) return entry.figures;
    const figures = readGroup(entry, cpu, this.#budget!);
    if (entry.group.isGone) {
      this.#drop(target.unit);
      return undefined;
    }
    set(figures, "openFds", entry.main.openDescriptors());
    entry.figures = figures;
    if (usageUsec !== undefined) entry.usageUsec = usageUsec;
    // Not all at the same look: a thousand idle instances are then read anew a few at a time.
    entry.goodUntil = now + IDLE_GOOD_MS * (0.5 + Math.random() / 2);
    return figures;
  }

  #entry({ unit, run, pid }: FiguresTarget, root: string): Entry | undefined {
    const known = this.#entries.get(unit);
    if (known?.run === run) return known;
    this.#drop(unit);
    const directory = groupOf(unit, pid);
    if (directory === undefined) return undefined;
    const budget = this.#budget!;
    const group = new KeptFiles(root + directory, budget);
    const parent = this.#parents.get(dirname(root + directory), budget);
    const entry = { run, group, parent, main: new ProcessFiles(`/proc/${pid}`, budget), processes: new Map() };
    this.#entries.set(unit, entry);
    return entry;
  }

  #drop(unit: string): void {
    const entry = this.#entries.get(unit);
    if (!entry) return;
    for (const files of [entry.group, entry.main, ...entry.processes.values()]) files.close();
    this.#entries.delete(unit);
  }
}

const readGroup = (entry: Entry, cpu: string | undefined, budget: DescriptorBudget): Figures => {
  const files = entry.group;
  const figures: Figures = {};
  set(figures, "cpuUserUsec", value(cpu, "user_usec "));
  set(figures, "cpuSystemUsec", value(cpu, "system_usec "));
  set(figures, "throttledUsec", value(cpu, "throttled_usec "));
  readMemory(files, figures);
  set(figures, "tasks", value(files.read("pids.current"), ""));
  const io = files.read("io.stat");
  if (io !== undefined) [figures.readBytes, figures.writtenBytes] = [total(io, "rbytes="), total(io, "wbytes=")];
  if (figures.memoryBytes === undefined || figures.tasks === undefined || io === undefined) {
    addProcesses(entry, figures, budget);
  }
  set(figures, "cpuPressureUsec", value(files.read("cpu.pressure"), "total="));
  set(figures, "memoryPressureUsec", value(files.read("memory.pressure"), "total="));
  set(figures, "ioPressureUsec", value(files.read("io.pressure"), "total="));
  return figures;
};

const readMemory = (files: KeptFiles, figures: Figures): void => {
  const bytes = value(files.read("memory.current"), "");
  if (bytes === undefined) return;
  figures.memoryBytes = bytes;
  set(figures, "memoryPeakBytes", value(files.read("memory.peak"), ""));
  // `max` is no number, and no limit.
  set(figures, "memoryLimitBytes", value(files.read("memory.max"), ""));
  const inactive = value(files.read("memory.stat"), "\ninactive_file ");
  if (inactive !== undefined) figures.workingSetBytes = Math.max(0, bytes - inactive);
  set(figures, "oomKills", value(files.read("memory.events"), "oom_kill "));
};

/**
 * Memory, tasks and bytes where those controllers are not there (hybrid mounts, some containers, `io` under a user
 * manager): resident sets, threads and bytes of the processes in the group. Pages that several share count in each.
 */
const addProcesses = (entry: Entry, figures: Figures, budget: DescriptorBudget): void => {
  const list = entry.group.read("cgroup.procs");
  if (list === undefined) return;
  const pids = new Set(list.split("\n").filter((pid) => pid !== ""));
  const needsIo = figures.readBytes === undefined;
  const needsPages = figures.memoryBytes === undefined;
  let [pages, readBytes, writtenBytes] = [0, 0, 0];
  for (const pid of pids) {
    const files = entry.processes.get(pid) ?? new ProcessFiles(`/proc/${pid}`, budget);
    entry.processes.set(pid, files);
    const io = needsIo ? files.io() : undefined;
    if (io) [readBytes, writtenBytes] = [readBytes + io.readBytes, writtenBytes + io.writtenBytes];
    pages += (needsPages ? files.residentPages() : undefined) ?? 0;
    // It ended between the two readings; or the number is another process's by now, which is read the next time.
    if (files.isGone) pids.delete(pid);
  }
  for (const [pid, files] of entry.processes) {
    if (pids.has(pid)) continue;
    files.close();
    entry.processes.delete(pid);
  }
  figures.readBytes ??= readBytes;
  figures.writtenBytes ??= writtenBytes;
  if (needsPages) figures.memoryBytes = pages * pageSize();
  figures.tasks ??= threads(entry);
};

const threads = (entry: Entry): number => (entry.group.read("cgroup.threads") ?? "").split("\n").length - 1;

/** Resident memory of the processes in a group. */
const processMemory = (entry: Entry, budget: DescriptorBudget): number | undefined => {
  // What is there already is not looked for.
  const figures: Figures = { tasks: 0, readBytes: 0, writtenBytes: 0 };
  addProcesses(entry, figures, budget);
  return figures.memoryBytes;
};

const set = (figures: Figures, name: keyof Figures, number: number | undefined): void => {
  if (number !== undefined) figures[name] = number;
};
