import { spawnSync } from "node:child_process";
import { report } from "./report.ts";
import { median } from "./until.ts";

/** What `node -e 0` takes on the machine that the figures are meant for, when nothing else runs on it. */
const BARE_MS = 80;

/**
 * By how much this machine is slower at the moment than the one that the figures are meant for; at least 1. Limits on
 * time are multiplied by it: a machine that is busy with something else says nothing about velos.
 */
export const slowness = (): number => {
  const times = Array.from({ length: 5 }, () => {
    const began = performance.now();
    spawnSync(process.execPath, ["-e", "0"], { stdio: "ignore" });
    return performance.now() - began;
  });
  const factor = Math.max(1, median(times) / BARE_MS);
  if (factor > 1.25) report(`this machine is busy: limits on time are multiplied by ${factor.toFixed(1)}`);
  return factor;
};
