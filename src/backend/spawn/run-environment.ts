import { join } from "node:path";
import { hasPreload, hasReadinessSignal } from "../../domain/app.ts";
import type { AppSpec } from "../../domain/app.ts";
import type { InstancePlaces } from "../../domain/instance-environment.ts";
import { instanceEnvironment } from "../../domain/instance-environment.ts";
import { credentialsDirectory } from "./credentials.ts";
import { RUN_VARIABLE } from "./find-run.ts";
import { READY_VARIABLE, readyFileOf } from "./readiness.ts";
import type { InstanceState } from "./state-file.ts";

/** File in which an app's instances tell each other their load. */
export const loadTableOf = (stateDir: string, app: string): string => join(stateDir, "load", app);

/**
 * The environment of a run: the domain's, the run's name, where to say that it is ready, and what sd_listen_fds(3)
 * looks for. Complete but for the pid, see `pidVariable`.
 */
export const runEnvironment = (
  stateDir: string,
  state: InstanceState,
  places: InstancePlaces,
): Record<string, string> => {
  const { spec, index, count, app, run } = state;
  const { visible, secret } = instanceEnvironment(spec, index, count, places);
  const { lasting, once } = state.variables ?? {};
  const env: Record<string, string> = { ...secret, ...visible, ...lasting, ...once, [RUN_VARIABLE]: run };
  if (spec.credentials !== undefined) env["CREDENTIALS_DIRECTORY"] = credentialsDirectory(stateDir, app, index);
  if (hasReadinessSignal(spec)) env[READY_VARIABLE] = readyFileOf(stateDir, app, run);
  if (spec.listen.length > 0) {
    env["LISTEN_FDS"] = String(spec.listen.length);
    env["LISTEN_FDNAMES"] = spec.listen.map(() => app).join(":");
  }
  return env;
};

/**
 * The variable in which the process has to find its own pid: what its children inherit is not meant for them, and the
 * pid is how they tell.
 */
export const pidVariable = (spec: AppSpec): string | undefined =>
  spec.listen.length > 0 ? "LISTEN_PID" : hasPreload(spec) ? "VELOS_PID" : undefined;
