import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AppSpec } from "../../domain/app.ts";
import type { Exit } from "../../domain/instance.ts";
import type { RunVariables } from "../../domain/run-variables.ts";

/**
 * Where an instance is in its life.
 *
 * `spawning`: the run is announced and may or may not have a process, see `recover`. `running`. `waiting`: for the
 * next run. `stopping`, `restarting`: its end was asked for. `ended`: not to be restarted.
 */
export type Phase = "spawning" | "running" | "waiting" | "stopping" | "restarting" | "ended";

/** All that a later velosd needs to own an instance: `<state>/spawn/<app>/<index>.json`. */
export interface InstanceState {
  version: 1;
  epoch: string;
  app: string;
  index: number;
  /** How many instances the app had at the start: part of the environment. */
  count: number;
  spec: AppSpec;
  /** Absent in the files of older velosds. */
  variables?: RunVariables;
  phase: Phase;
  /** Names the run; the process carries it as VELOS_RUN. */
  run: string;
  /** Command line of the velosd that announced the run, while it is not known whether it got a process; see `findRun`. */
  spawner?: string;
  pid?: number;
  /** Start time of the process, see `startTimeOf`. */
  startTime?: string;
  startedAt?: number;
  onlineAt?: number;
  restarts: number;
  /** Runs shorter than `minUptimeMs` in a row. */
  shortRuns: number;
  /** When the next run begins, in milliseconds since the epoch; phase `waiting`. */
  nextRunAt?: number;
  exit?: Exit;
}

const directory = (stateDir: string, app?: string): string =>
  app === undefined ? join(stateDir, "spawn") : join(stateDir, "spawn", app);

const pathOf = (stateDir: string, app: string, index: number): string =>
  join(directory(stateDir, app), `${index}.json`);

/** Makes the directory of an app's state files, for the owner only: specs contain secrets. */
export const makeStateDirectory = (stateDir: string, app: string): void => {
  mkdirSync(directory(stateDir, app), { recursive: true, mode: 0o700 });
};

/**
 * Replaces the file in one step.
 *
 * Synchronous, so that nothing happens between spawning a process and writing its pid down. Without fsync, on purpose:
 * the file has to survive velosd, not the machine. After a power failure another epoch begins, in which its content is
 * void even where it is complete; and fsync would cost every start milliseconds.
 */
export const writeState = (stateDir: string, state: InstanceState): void => {
  const path = pathOf(stateDir, state.app, state.index);
  writeFileSync(`${path}.new`, JSON.stringify(state), { mode: 0o600 });
  renameSync(`${path}.new`, path);
};

export const removeState = (stateDir: string, app: string, index: number): void => {
  rmSync(pathOf(stateDir, app, index), { force: true });
};

/** Removes the app's directory when no instance is in it. */
export const removeStateDirectory = (stateDir: string, app: string): void => {
  try {
    rmdirSync(directory(stateDir, app));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTEMPTY") throw error;
  }
};

/**
 * The instances that an earlier velosd left. Files of another epoch are removed; a file that cannot be read is moved
 * aside to `<index>.json.unreadable`, since what it owned can no longer be told.
 */
export const readStates = (stateDir: string, epoch: string): InstanceState[] => {
  const states: InstanceState[] = [];
  for (const app of namesIn(directory(stateDir))) {
    for (const name of namesIn(directory(stateDir, app))) {
      if (!/^\d+\.json$/.test(name)) continue;
      const path = join(directory(stateDir, app), name);
      const state = parse(readFileSync(path, "utf8"));
      if (state === undefined) renameSync(path, `${path}.unreadable`);
      else if (state.epoch !== epoch) rmSync(path);
      else states.push(state);
    }
    removeStateDirectory(stateDir, app);
  }
  return states;
};

const parse = (text: string): InstanceState | undefined => {
  try {
    const state = JSON.parse(text) as InstanceState;
    return state.version === 1 && typeof state.spec === "object" ? state : undefined;
  } catch {
    return undefined;
  }
};

const namesIn = (path: string): string[] => {
  try {
    return readdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
};
