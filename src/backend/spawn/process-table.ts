import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** One process as /proc/<pid>/stat shows it. */
export interface ProcessEntry {
  pid: number;
  parent: number;
  group: number;
  session: number;
  /** R, S, D, Z …; Z and X are dead. */
  state: string;
  /** Field 22: clock ticks between boot and start. With the pid it names a process for good. */
  startTime: string;
  /** CPU time of the process and of the children it has waited for, in clock ticks. */
  cpuTicks: number;
  threads: number;
  residentPages: number;
}

/** USER_HZ, the unit of the times in /proc: 100 on every architecture Linux runs Node on. */
export const TICKS_PER_SECOND = 100;

/** False on macOS, where there is `ps` and no more. */
export const hasProc = process.platform === "linux";

/** Parses a line of /proc/<pid>/stat. The name in parentheses may itself contain spaces and parentheses. */
export const parseStat = (line: string): ProcessEntry => {
  const end = line.lastIndexOf(")");
  // Field 3 (state) is rest[0], so field N of proc(5) is rest[N - 3].
  const rest = line.slice(end + 2).split(" ");
  const number = (field: number): number => Number(rest[field - 3]);
  return {
    pid: Number.parseInt(line, 10),
    state: rest[0] ?? "X",
    parent: number(4),
    group: number(5),
    session: number(6),
    cpuTicks: number(14) + number(15) + number(16) + number(17),
    threads: number(20),
    startTime: rest[22 - 3] ?? "",
    residentPages: number(24),
  };
};

/** The process, zombies included; undefined when there is none. Linux only. */
export const readProcess = (pid: number): ProcessEntry | undefined => {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return undefined;
  }
};

/**
 * When the process was started, in a form that only serves to be compared: a pid is reused, a pid with its start time
 * is not. Undefined when it is not there or is a zombie.
 */
export const startTimeOf = (pid: number): string | undefined => {
  if (hasProc) {
    const entry = readProcess(pid);
    return entry === undefined || isDead(entry) ? undefined : entry.startTime;
  }
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
  } catch {
    return undefined;
  }
};

/** False only when it is certain that the process is gone: where it cannot be looked at (no descriptor), it may be there. */
export const mayStillBe = (pid: number, startTime: string): boolean => {
  if (!hasProc) return startTimeOf(pid) === startTime;
  try {
    const entry = parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
    return !isDead(entry) && entry.startTime === startTime;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== "ENOENT" && code !== "ESRCH";
  }
};

export const isDead = (entry: ProcessEntry): boolean => entry.state === "Z" || entry.state === "X";

/** Every process there is: about 10 µs for each. Linux only; empty elsewhere. */
export const readAllProcesses = (): ProcessEntry[] => {
  if (!hasProc) return [];
  const entries: ProcessEntry[] = [];
  for (const name of readdirSync("/proc")) {
    if (name < "1" || name > "9999999999") continue;
    const entry = readProcess(Number(name));
    if (entry) entries.push(entry);
  }
  return entries;
};

/** A process with its session and group, and all that descend from them; the dead are left out. */
export const familyOf = (pid: number, entries: readonly ProcessEntry[]): ProcessEntry[] => {
  const family = new Set<number>([pid]);
  for (const entry of entries) if (entry.group === pid || entry.session === pid) family.add(entry.pid);
  for (let before = 0; before !== family.size;) {
    before = family.size;
    for (const entry of entries) if (family.has(entry.parent)) family.add(entry.pid);
  }
  return entries.filter((entry) => family.has(entry.pid) && !isDead(entry));
};

/** True when the process was started with `name=value` in its environment, as far as that may be read. */
export const hasEnvironment = (pid: number, name: string, value: string): boolean => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(`${name}=${value}`);
  } catch {
    return false;
  }
};
