import { existsSync, readFileSync, readlinkSync } from "node:fs";
import type { Facility } from "./backend.ts";

/** What is read of the machine. */
export interface SchedulingSources {
  /** Content of a file, or of a symbolic link; undefined: there is none. */
  read: (path: string) => string | undefined;
  exists: (path: string) => boolean;
}

const machine: SchedulingSources = {
  read: (path) => {
    try {
      return path.startsWith("/proc/self/ns/") ? readlinkSync(path) : readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
  exists: existsSync,
};

/** The control group namespace of the machine itself: PROC_CGROUP_INIT_INO of the kernel's proc_ns.h. */
const FIRST_NAMESPACE = "cgroup:[4026531835]";

/**
 * Whether the kernel shares the processors out among instances, or among sessions. It does the latter for processes in
 * no control group of the processor (sched_autogroup, sched(7)), and each instance is a session of its own. Seen with
 * Linux 6.18 and four busy instances on two processors: one that could run got nothing for two seconds, another had a
 * processor to itself. Empty where that cannot be told.
 */
export const schedulingFacilities = ({ read, exists } = machine): Facility[] => {
  const name = "processor time";
  const fair = (note: string): Facility[] => [{ name, ok: true, note }];
  const groups = read("/proc/self/cgroup");
  if (groups === undefined) return [];
  if (read("/proc/sys/kernel/sched_autogroup_enabled")?.trim() !== "1") return fair("is shared out among processes");
  const bound = /^\d+:(?:[^:\n]*,)?cpu(?:,[^:\n]*)?:(.*)$/m.exec(groups)?.[1];
  const path = bound ?? /^0::(.*)$/m.exec(groups)?.[1];
  if (path === undefined) return [];
  const inGroup = bound === undefined ? hasWeight(path, exists) : path !== "/";
  if (inGroup) return fair("is shared out among control groups");
  // What is above the group that a container takes for the first is not to be seen.
  if (read("/proc/self/ns/cgroup") !== FIRST_NAMESPACE) return [];
  const note =
    "is shared out among sessions, and every instance is one: when all are busy some may get none for seconds; `sysctl kernel.sched_autogroup_enabled=0`";
  return [{ name, ok: false, note }];
};

/** Whether a group of the unified tree, or one above it, is one of the processor's scheduler. */
const hasWeight = (path: string, exists: SchedulingSources["exists"]): boolean => {
  const parts = path.split("/").filter(Boolean);
  return Array.from({ length: parts.length + 1 }, (_, up) => parts.slice(0, parts.length - up).join("/")).some(
    (group) => exists(`/sys/fs/cgroup/${group}${group ? "/" : ""}cpu.weight`),
  );
};
