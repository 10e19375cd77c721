import { execFile } from "node:child_process";
import type { Scope } from "../backend.ts";

/** Longer than it ever takes, and short for who waits: it is one line of many. */
const PATIENCE_MS = 3000;

/**
 * How much of the machine a unit can reach, from 0 (nothing) to 10, as `systemd-analyze security` counts it; undefined
 * where it cannot tell. Of the JSON that it can write the total is not part.
 */
export const exposureOf = async (unit: string, scope: Scope): Promise<number | undefined> =>
  new Promise((resolve) => {
    execFile(
      "systemd-analyze",
      [`--${scope}`, "--no-pager", "security", unit],
      { timeout: PATIENCE_MS, env: { ...process.env, LC_ALL: "C", SYSTEMD_COLORS: "0" } },
      (error, output) => {
        const total = error ? undefined : /Overall exposure level for .*: ([0-9.]+) /.exec(output)?.[1];
        resolve(total === undefined ? undefined : Number(total));
      },
    );
  });
