import { existsSync, mkdirSync, rmSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { AppSpec } from "../../domain/app.ts";
import { describeExit } from "../../domain/instance.ts";
import { failed } from "./failed.ts";
import { giveTo } from "./health-directory.ts";
import type { MainProcess } from "./execute.ts";
import { exitOf } from "./observed.ts";

/** Name of the variable that tells an app, or its preload, which file to create when it is ready. */
export const READY_VARIABLE = "VELOS_READY_FILE";

/**
 * The file of a run. Named after the run, so that the file of an earlier one is never taken for its own; in a directory
 * of its own that the app's user may write to.
 */
export const readyFileOf = (stateDir: string, app: string, run: string): string => join(stateDir, "ready", app, run);

/** Makes the directory, and gives it to the user that the app runs as, who has to create the file. */
export const makeReadyDirectory = (stateDir: string, path: string, spec: AppSpec): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  giveTo(dirname(path), stateDir, spec);
};

/**
 * Resolves when the file is there; never without it. The watch is set up before the first look, so that a file that
 * is created in between is not missed.
 * @param signal ends the waiting: rejects with its reason
 */
const waitForFile = (path: string, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const finish = (settle: () => void): void => {
      watcher.close();
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    const onAbort = (): void => finish(() => reject(signal.reason as Error));
    const look = (): void => {
      if (existsSync(path)) finish(resolve);
    };
    const watcher = watch(dirname(path), (_, name) => {
      if (name === null || name === basename(path)) look();
    });
    watcher.on("error", (error) => finish(() => reject(error)));
    signal.addEventListener("abort", onAbort);
    look();
  });

/**
 * Waits until the app has created its ready file.
 * @param wait.timeoutMs counted from the start of the run, of which `spentMs` have passed
 * @param wait.signal ends the waiting: rejects with its reason
 * @throws VelosError BACKEND_FAILED when the time is over, or the process
 */
export const untilReady = async (
  path: string,
  main: MainProcess,
  wait: { timeoutMs: number; spentMs: number; signal: AbortSignal },
): Promise<void> => {
  const over = new AbortController();
  const tooLate = (): void => over.abort(failed(`it did not say that it is ready within ${wait.timeoutMs / 1000} s`));
  const timer = setTimeout(tooLate, Math.max(0, wait.timeoutMs - wait.spentMs));
  const ended = main.ended.then((end) => {
    throw failed(`it ended before it was ready: ${describeExit(exitOf(end, 0, undefined))}`);
  });
  try {
    await Promise.race([waitForFile(path, AbortSignal.any([over.signal, wait.signal])), ended]);
  } finally {
    clearTimeout(timer);
    over.abort();
    rmSync(path, { force: true });
  }
};

/** Removes the app's directory and what is in it. */
export const removeReadyDirectory = (stateDir: string, app: string): void =>
  rmSync(join(stateDir, "ready", app), { recursive: true, force: true });
