import { KeptFiles } from "./kept-files.ts";
import type { ProcessEntry } from "./spawn/process-table.ts";
import { parseStat } from "./spawn/process-table.ts";

/** A process with its CPU time apart by mode. */
export interface TimedEntry extends ProcessEntry {
  /** The part of `cpuTicks` that was spent outside of the kernel. */
  userTicks: number;
}

/** What /proc tells of one process, by files that are kept open. Linux only. */
export class ProcessFiles extends KeptFiles {
  /** Undefined when it is gone. */
  stat(): TimedEntry | undefined {
    const line = this.read("stat");
    if (line === undefined) return undefined;
    const rest = line.slice(line.lastIndexOf(")") + 2).split(" ");
    // utime and cutime, fields 14 and 16 of proc(5); rest[0] is field 3.
    return { ...parseStat(line), userTicks: Number(rest[11]) + Number(rest[13]) };
  }

  /** Resident pages alone: a third of the time that all of `stat` takes. */
  residentPages(): number | undefined {
    const text = this.read("statm");
    // Field 2 of it, see proc(5).
    return text === undefined ? undefined : Number.parseInt(text.slice(text.indexOf(" ") + 1), 10);
  }

  /** What it moved to and from storage, in bytes; undefined where that may not be read (another user's). */
  io(): { readBytes: number; writtenBytes: number } | undefined {
    const text = this.read("io");
    if (text === undefined) return undefined;
    const number = (key: string): number => {
      const from = text.indexOf(key) + key.length;
      return Number(text.slice(from, text.indexOf("\n", from)));
    };
    return { readBytes: number("\nread_bytes: "), writtenBytes: number("\nwrite_bytes: ") };
  }

  /** How many descriptors it has open. */
  openDescriptors(): number | undefined {
    return this.count("fd");
  }
}
