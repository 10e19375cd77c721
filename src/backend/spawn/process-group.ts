import { setTimeout as sleep } from "node:timers/promises";
import { hasProc, isDead, readAllProcesses } from "./process-table.ts";

/** Sends a signal to a process, or with a negative pid to a group; false when there is none. */
export const sendSignal = (pid: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ESRCH") return false;
    // EPERM: there is one, and none of it is ours to signal (it changed its user).
    if (code === "EPERM") return true;
    throw error;
  }
};

/** True while a member of the group lives. A zombie whose parent never waits for it is none. */
const isPopulated = (group: number): boolean => {
  if (!sendSignal(-group, 0)) return false;
  return !hasProc || readAllProcesses().some((entry) => entry.group === group && !isDead(entry));
};

/** How long the kernel may take to remove what got SIGKILL; more means uninterruptible sleep. */
const REMOVAL_MS = 5000;
/** After this, what is left may be zombies that nobody waits for (a container whose process 1 does not). */
const ZOMBIE_MS = 20;

/**
 * SIGKILL to all that is left of a process group; resolves when it is gone.
 *
 * The number of the group is safe to use although its leader is gone: the kernel gives no pid away while a group of
 * that number has members, and pids are handed out in turn, so that it is not given away again at once either.
 *
 * @returns false when something is still there after 5 s
 */
export const killGroup = async (group: number): Promise<boolean> => {
  const begun = performance.now();
  for (let waitMs = 1; sendSignal(-group, "SIGKILL"); waitMs = Math.min(50, waitMs * 2)) {
    await sleep(waitMs);
    const spentMs = performance.now() - begun;
    // Looking costs a reading of /proc: only for those that take long.
    if (spentMs > ZOMBIE_MS && !isPopulated(group)) return true;
    if (spentMs > REMOVAL_MS) return false;
  }
  return true;
};
