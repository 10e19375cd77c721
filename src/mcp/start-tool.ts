import * as Type from "typebox";
import { appFromJson, appJsonSchema } from "../config/json-app.ts";
import type { ResolveContext } from "../config/resolve.ts";
import { resolveApps } from "../config/resolve.ts";
import { quantityText } from "../domain/quantity.ts";
import { operations } from "../api/operations.ts";
import type { Tool } from "./tools.ts";

/**
 * `start` with the keys of velos.toml: velosd takes finished specs, which nobody writes by hand.
 * @param cwd what relative paths start from
 */
export const startTool = (context: ResolveContext, cwd: string): Tool => ({
  name: "start",
  description:
    `${operations.start.summary}. Give it the keys of velos.toml: script or command, and instances, listen, env and so ` +
    "on where they matter. An app that runs with other settings is replaced instance by instance, and goes back to the " +
    `old ones when the new ones do not come up. Relative paths start from ${cwd}.`,
  access: "operate",
  destructive: false,
  params: Type.Unsafe<Record<string, unknown>>({ ...appJsonSchema() }),
  run: async (params, daemon) => {
    const [app] = await resolveApps([await appFromJson(params, cwd)], context);
    const { spec, instances, instancesGiven } = app!;
    return daemon.call("start", { spec, ...(instancesGiven && { instances: quantityText(instances) }) });
  },
});
