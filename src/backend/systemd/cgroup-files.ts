import { closeSync, openSync, readFileSync, readSync } from "node:fs";

/** The files of a control group that are read for the metrics. */
export const cgroupFiles = [
  "cpu.stat",
  "memory.current",
  "memory.peak",
  "memory.max",
  "memory.stat",
  "memory.events",
  "pids.current",
  "io.stat",
  "cpu.pressure",
  "memory.pressure",
  "io.pressure",
  "cgroup.procs",
] as const;

export type CgroupFile = (typeof cgroupFiles)[number];

/** Longest of them is memory.stat, some 1.5 kB; cgroup.procs of more than 2,000 processes would be cut. */
const buffer = Buffer.allocUnsafe(16 * 1024);

/**
 * The files of one control group, each opened once and then read anew at every look: a reading of an open file costs
 * 1 µs instead of 6. Files that are not there (no such controller, an older kernel) are looked for once.
 */
export class CgroupFiles {
  readonly #directory: string;
  readonly #keepOpen: boolean;
  readonly #descriptors = new Map<CgroupFile, number>();
  /** True once the control group turned out to be removed. */
  isGone = false;

  constructor(directory: string, keepOpen: boolean) {
    [this.#directory, this.#keepOpen] = [directory, keepOpen];
  }

  /** The file's content; undefined when it is not there. */
  read(file: CgroupFile): string | undefined {
    let descriptor = this.#descriptors.get(file);
    if (descriptor === undefined) {
      descriptor = this.#open(file);
      if (this.#keepOpen || descriptor === -1) this.#descriptors.set(file, descriptor);
    }
    if (descriptor === -1) return undefined;
    try {
      return buffer.toString("latin1", 0, readSync(descriptor, buffer, 0, buffer.length, 0));
    } catch (error) {
      // ENODEV: the group was removed while the file was open. EOPNOTSUPP: a kernel without pressure figures.
      if ((error as NodeJS.ErrnoException).code === "ENODEV") this.isGone = true;
      else this.#forget(file, descriptor);
      return undefined;
    } finally {
      if (!this.#keepOpen) closeSync(descriptor);
    }
  }

  close(): void {
    for (const descriptor of this.#descriptors.values()) if (descriptor !== -1) closeSync(descriptor);
    this.#descriptors.clear();
  }

  #open(file: CgroupFile): number {
    try {
      return openSync(`${this.#directory}/${file}`, "r");
    } catch {
      return -1;
    }
  }

  #forget(file: CgroupFile, descriptor: number): void {
    if (this.#keepOpen) closeSync(descriptor);
    this.#descriptors.set(file, -1);
  }
}

/** How many control groups may be kept open: half of the descriptors that this process may have. */
export const openGroupsLimit = (): number => {
  const limits = readFileSync("/proc/self/limits", "latin1");
  const descriptors = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? 1024);
  return Math.floor(descriptors / 2 / cgroupFiles.length);
};
