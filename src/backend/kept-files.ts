import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";

const descriptorLimit = (): number => {
  const limits = readFileSync("/proc/self/limits", "latin1");
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? 1024);
};

/** How many descriptors all kept files of a process may have open together: three quarters of what it may have. */
export class DescriptorBudget {
  #left = Math.floor((descriptorLimit() * 3) / 4);

  take(): boolean {
    if (this.#left <= 0) return false;
    this.#left--;
    return true;
  }

  giveBack(): void {
    this.#left++;
  }
}

/** Longest of what is read is memory.stat, some 1.5 kB; cgroup.procs of more than 2,000 processes would be cut. */
const buffer = Buffer.allocUnsafe(16 * 1024);

/** A file that is not there: not looked for again. */
const ABSENT = -1;

const sizeOf = (directory: string): number => {
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return fstatSync(descriptor).size;
  } finally {
    closeSync(descriptor);
  }
};

let statTells: boolean | undefined;

/**
 * Files of one directory of the kernel's (a control group, a process), each opened once and then read anew at every look.
 * Opening is what is dear there: 6 µs for a control group's file and 50 for a process's, against 1 to 5 for reading.
 * What is open stays the same thing's: its directory's name may be given to another, its files are not.
 */
export class KeptFiles {
  readonly #directory: string;
  readonly #budget: DescriptorBudget;
  readonly #descriptors = new Map<string, number>();
  /** True once the thing turned out to be gone, with all of its files. */
  isGone = false;

  constructor(directory: string, budget: DescriptorBudget) {
    [this.#directory, this.#budget] = [directory, budget];
  }

  /** The file's content; undefined when it is not there, or may not be read. */
  read(file: string): string | undefined {
    return this.#use(file, constants.O_RDONLY, (descriptor) =>
      buffer.toString("latin1", 0, readSync(descriptor, buffer, 0, buffer.length, 0)),
    );
  }

  /** How many entries the subdirectory has. */
  count(directory: string): number | undefined {
    // Since Linux 6.2 the size of /proc/PID/fd is the number; before that it is 0, and the entries have to be counted.
    statTells ??= sizeOf("/proc/self/fd") > 0;
    if (statTells) {
      const flags = constants.O_RDONLY | constants.O_DIRECTORY;
      return this.#use(directory, flags, (descriptor) => fstatSync(descriptor).size);
    }
    try {
      return readdirSync(`${this.#directory}/${directory}`).length;
    } catch {
      return undefined;
    }
  }

  close(): void {
    for (const descriptor of this.#descriptors.values()) {
      if (descriptor === ABSENT) continue;
      closeSync(descriptor);
      this.#budget.giveBack();
    }
    this.#descriptors.clear();
  }

  #use<T>(file: string, flags: number, look: (descriptor: number) => T): T | undefined {
    const kept = this.#descriptors.get(file);
    if (kept === ABSENT) return undefined;
    let descriptor = kept;
    try {
      descriptor ??= openSync(`${this.#directory}/${file}`, flags);
      return look(descriptor);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // ENODEV: a control group that was removed; ESRCH: a process that ended. Others: no such controller, no pressure
      // figures in this kernel, another user's process.
      if (code === "ENODEV" || code === "ESRCH") this.isGone = true;
      else this.#forget(file, kept);
      return undefined;
    } finally {
      if (kept === undefined && descriptor !== undefined) this.#keep(file, descriptor);
    }
  }

  #keep(file: string, descriptor: number): void {
    if (this.#descriptors.get(file) !== ABSENT && !this.isGone && this.#budget.take()) {
      this.#descriptors.set(file, descriptor);
    } else closeSync(descriptor);
  }

  #forget(file: string, kept: number | undefined): void {
    if (kept !== undefined) {
      closeSync(kept);
      this.#budget.giveBack();
    }
    this.#descriptors.set(file, ABSENT);
  }
}
