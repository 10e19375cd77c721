import { instanceEnvironment } from "../../domain/instance-environment.ts";
import { RUN_VARIABLE } from "./find-run.ts";
import { READY_VARIABLE, readyFileOf } from "./readiness.ts";
import type { InstanceState } from "./state-file.ts";

/** The whole environment of a run: the domain's, the run's name, and where to say that it is ready. */
export const runEnvironment = (stateDir: string, state: InstanceState): Record<string, string> => {
  const { spec, index, count, app, run } = state;
  const { visible, secret } = instanceEnvironment(spec, index, count);
  const env: Record<string, string> = { ...secret, ...visible, [RUN_VARIABLE]: run };
  if (spec.waitReady) env[READY_VARIABLE] = readyFileOf(stateDir, app, run);
  // The preload does not know this backend yet: what the domain adds to load it is taken out again.
  const options = spec.env["NODE_OPTIONS"] ?? spec.secretEnv["NODE_OPTIONS"];
  if (options !== undefined) env["NODE_OPTIONS"] = options;
  else delete env["NODE_OPTIONS"];
  return env;
};
