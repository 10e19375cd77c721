import type { AppSpec } from "./app.ts";
import type { Exit } from "./instance.ts";

/** The longest delay that a doubling one reaches. */
export const MAX_BACKOFF_MS = 15_000;

/** True when an instance that ended by itself is to be run again. An end nobody could read the code of counts as a crash. */
export const shouldRestart = (spec: AppSpec, exit: Exit): boolean =>
  spec.autorestart && !(exit.code !== undefined && spec.stopExitCodes.includes(exit.code));

/**
 * The wait before the next run, in milliseconds: `restartDelayMs`, or with `expBackoffRestartDelayMs` that value
 * doubled for every short run in a row, up to 15 s.
 *
 * @param shortRuns runs shorter than `minUptimeMs` in a row, the one that just ended included; 0 after a stable run
 */
export const restartDelay = (spec: AppSpec, shortRuns: number): number =>
  spec.expBackoffRestartDelayMs > 0
    ? Math.min(MAX_BACKOFF_MS, spec.expBackoffRestartDelayMs * 2 ** Math.min(30, Math.max(0, shortRuns - 1)))
    : spec.restartDelayMs;
