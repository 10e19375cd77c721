import * as Type from "typebox";
import { AppStateSchema, RolloutProgressSchema } from "../../api/live-schema.ts";
import type { Result } from "../../api/operations.ts";
import { VelosError } from "../../domain/errors.ts";
import { rolloutOf } from "../rollout-of.ts";
import type { Services } from "../services.ts";
import { stateOf } from "../state-of.ts";
import type { Route } from "./route.ts";
import { route } from "./route.ts";
import { checkPresence, findApp, locationOf, readApp } from "./target.ts";

const Changed = Type.Object({ app: AppStateSchema, rollout: Type.Optional(RolloutProgressSchema) });

/** The rollout of an app: the one under way, or the last. */
export const rolloutRoutes = ({ velosd, fleet }: Services): Route[] => {
  const changed = ({ app }: Result<"pauseRollout">) => {
    const rollout = rolloutOf(app);
    return { app: stateOf(app), ...(rollout && { rollout }) };
  };
  const path = "/api/processes/{name}/rollout";
  return [
    route({
      method: "GET",
      path,
      operation: "rollout",
      fromMemory: true,
      answers: { 200: { description: "how far it is", schema: RolloutProgressSchema } },
      handle: async ({ name }) => {
        const app = readApp(name);
        checkPresence(velosd);
        findApp(fleet, app);
        const rollout = fleet.rollout(app);
        if (!rollout) throw new VelosError("ROLLOUT_NOT_FOUND", { app, what: "and never had one" });
        return { body: rollout };
      },
    }),
    ...(["pauseRollout", "resumeRollout"] as const).map((operation) =>
      route({
        method: "POST",
        path: `${path}/${operation === "pauseRollout" ? "pause" : "resume"}`,
        operation,
        answers: { 200: { description: "done", schema: Changed } },
        handle: async ({ name }) => ({ body: changed(await velosd.call(operation, { app: readApp(name) }, true)) }),
      }),
    ),
    route({
      method: "POST",
      path: `${path}/undo`,
      operation: "undoRollout",
      answers: {
        202: {
          description: "a rollout to the spec of before began; it goes on by itself",
          schema: Changed,
          headers: { Location: "where the rollout is found" },
        },
      },
      handle: async ({ name }) => {
        const app = readApp(name);
        const body = changed(await velosd.call("undoRollout", { app, wait: "start" }, true));
        return { status: 202, headers: { location: `${locationOf(app)}/rollout` }, body };
      },
    }),
  ];
};
