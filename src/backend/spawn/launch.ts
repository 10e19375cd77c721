import type { AppSpec } from "../../domain/app.ts";
import { execute } from "./execute.ts";
import { explain } from "./explain.ts";
import { failed } from "./failed.ts";
import type { Launcher } from "./launcher.ts";
import { composeOrder } from "./order.ts";
import type { InstanceState } from "./state-file.ts";

/** A process is found by its group: it leads one of its own. */
export const groupOf = ({ pid }: InstanceState): string => (pid === undefined ? "" : `pgid ${pid}`);

/** Processes are children of velosd. An earlier velosd's are found by their pids, which is not this one's business. */
export const childLauncher: Launcher = {
  open: async () => undefined,
  recall: () => undefined,
  launch: async ({ spec, env, logPath, pidVariable }) => {
    const order = composeOrder(spec, env, logPath, pidVariable);
    try {
      return await execute(order);
    } catch (error) {
      throw launchFailed(spec, error);
    }
  },
  unitOf: groupOf,
};

/** Why a process could not be started, in words where they can be found. */
export const launchFailed = (spec: AppSpec, error: unknown): Error =>
  failed(explain(spec) ?? (error as Error).message, "see that its program and cwd exist and may be used", error);
