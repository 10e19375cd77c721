import type { AppSpec } from "../../domain/app.ts";
import type { MainProcess } from "./execute.ts";
import type { InstanceState } from "./state-file.ts";

/** A run to be started: what it is, and all that its process is given. */
export interface LaunchRequest {
  spec: AppSpec;
  index: number;
  /** Names the run. */
  run: string;
  /** The whole environment, but for the pid of the process itself. */
  env: Record<string, string>;
  /** The variable in which the process finds its own pid. */
  pidVariable: string | undefined;
  /** File that stdout and stderr are appended to. */
  logPath: string;
}

/**
 * Who the processes of runs are started by, where they share no listening sockets: velosd itself, or a supervisor that
 * is asked to. What becomes of a run that has ended is decided by `Instance`, whoever started it.
 */
export interface Launcher {
  /** Looks once for what earlier velosds had started, for `recall`. */
  open(states: readonly InstanceState[]): Promise<void>;
  /** The process that an earlier velosd had started for the run, be it over; undefined when nothing is known of it. */
  recall(state: InstanceState): MainProcess | undefined;
  /**
   * Starts the process of a run.
   * @throws VelosError BACKEND_FAILED when it cannot be executed; no process is left then
   */
  launch(request: LaunchRequest): Promise<MainProcess>;
  /** Forgets what it keeps of an instance whose process has ended. Repeatable; does not fail. */
  drop?(app: string, index: number): Promise<void>;
  /** How an operator finds the instance without velos. */
  unitOf(state: InstanceState): string;
}
