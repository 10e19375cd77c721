import type { AppSpec } from "../../domain/app.ts";
import type { MainProcess } from "./execute.ts";
import { execute } from "./execute.ts";
import { explain } from "./explain.ts";
import { failed } from "./failed.ts";
import type { LaunchOrder } from "./order.ts";

/**
 * Starts the process of a run as a child of velosd.
 * @throws VelosError BACKEND_FAILED when it cannot be executed; no process is left then
 */
export const launch = async (spec: AppSpec, order: LaunchOrder): Promise<MainProcess> => {
  try {
    return await execute(order);
  } catch (error) {
    throw launchFailed(spec, error);
  }
};

/** Why a process could not be started, in words where they can be found. */
export const launchFailed = (spec: AppSpec, error: unknown): Error =>
  failed(explain(spec) ?? (error as Error).message, "see that its program and cwd exist and may be used", error);
