import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hasProc, readProcess } from "./process-table.ts";

/**
 * Identity of this life of the machine, or of the container: the boot, and when process 1 was started. No process of
 * another epoch is alive, and its pids mean nothing.
 */
export const currentEpoch = (): string => {
  if (hasProc) {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot}/${readProcess(1)?.startTime ?? "?"}`;
  }
  return execFileSync("sysctl", ["-n", "kern.bootsessionuuid"], { encoding: "utf8" }).trim();
};
