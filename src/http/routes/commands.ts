import * as Type from "typebox";
import { AppStateSchema, RolloutProgressSchema } from "../../api/live-schema.ts";
import type { Result } from "../../api/operations.ts";
import { operations } from "../../api/operations.ts";
import { QuantitySchema } from "../../api/schemas.ts";
import { appFromJson, appJsonSchema } from "../../config/json-app.ts";
import { resolveApp } from "../../config/resolve.ts";
import { VelosError } from "../../domain/errors.ts";
import { quantityText } from "../../domain/quantity.ts";
import { rolloutOf } from "../rollout-of.ts";
import type { Services } from "../services.ts";
import { stateOf } from "../state-of.ts";
import type { Answer, Route } from "./route.ts";
import { route } from "./route.ts";
import { locationOf, readApp, readTarget } from "./target.ts";

const App = Type.Object({ app: AppStateSchema });
const Began = Type.Object({ app: AppStateSchema, rollout: RolloutProgressSchema });
const rolloutBegan = {
  description: "a rollout began; it goes on by itself",
  schema: Began,
  headers: { Location: "where the rollout is found" },
};
const done = { description: "done", schema: App };

/** What changes something. Commands answer when they are done, but never wait for a rollout. */
export const commandRoutes = (services: Services): Route[] => {
  const { velosd, resolve, cwd } = services;

  /** What is answered when a rollout may have begun. */
  const changed = (view: Result<"scale">["app"], whole: Answer): Answer => {
    const progress = rolloutOf(view);
    if (!progress || progress.rollout.endedAt !== undefined || progress.rollout.kind === "restart") return whole;
    return {
      status: 202,
      headers: { location: `${locationOf(view.name)}/rollout` },
      body: { ...(whole.body as object), app: stateOf(view), rollout: progress },
    };
  };

  return [
    route({
      method: "POST",
      path: "/api/processes",
      operation: "start",
      description:
        "The body has the keys of `[apps.<name>]` in velos.toml, and `name`. Paths are absolute, or relative to where velos api was started.",
      body: Type.Unsafe<object>(appJsonSchema()),
      bodyExamples: {
        script: { name: "api", script: "/srv/api/server.js", instances: 4 },
        command: { name: "web", command: ["python3", "-m", "http.server", "8000"], cwd: "/srv/www" },
      },
      answers: {
        200: { description: "it runs with this spec, and did before or was stopped", schema: operations.start.result },
        201: {
          description: "the app was created, and its instances run",
          schema: operations.start.result,
          headers: { Location: "where the app is found" },
        },
        202: rolloutBegan,
      },
      handle: async ({ body }) => {
        const { spec, instances, instancesGiven } = await resolveApp(await appFromJson(body, cwd), resolve);
        const count = instancesGiven ? { instances: quantityText(instances) } : {};
        const { app, outcome } = await velosd.call("start", { spec, ...count, wait: "start" }, true);
        const answer = { body: { app: stateOf(app), outcome } };
        if (outcome === "created") return { status: 201, headers: { location: locationOf(app.name) }, ...answer };
        return outcome === "updated" ? changed(app, answer) : answer;
      },
    }),
    route({
      method: "DELETE",
      path: "/api/processes/{name}",
      operation: "delete",
      summary: "Stop an app and forget it, or take its last instance away",
      answers: { 204: { description: "it is gone" } },
      handle: async ({ name }) => {
        const { app, index } = readTarget(name);
        if (index === undefined) await velosd.call("delete", { selectors: [app] }, true);
        else await removeLast(services, app, index);
        return { status: 204 };
      },
    }),
    route({
      method: "POST",
      path: "/api/processes/{name}/restart",
      operation: "restart",
      body: Type.Object(
        { rolling: Type.Optional(Type.Boolean({ description: "a few at a time, each when the one before is ready" })) },
        { additionalProperties: false },
      ),
      bodyOptional: true,
      bodyExamples: { rolling: { rolling: true } },
      answers: { 200: done, 202: rolloutBegan },
      handle: async ({ name, body }) => {
        readTarget(name);
        const rolling = body?.rolling === true;
        const { apps } = await velosd.call("restart", { selectors: [name], rolling, wait: "start" }, true);
        const app = only(apps, name);
        const answer = { body: { app: stateOf(app) } };
        return rolling ? changed(app, answer) : answer;
      },
    }),
    ...(["stop", "resume"] as const).map((operation) =>
      route({
        method: "POST",
        path: `/api/processes/{name}/${operation === "resume" ? "start" : "stop"}`,
        operation,
        answers: { 200: done },
        handle: async ({ name }) => {
          readTarget(name);
          const { apps } = await velosd.call(operation, { selectors: [name] }, true);
          return { body: { app: stateOf(only(apps, name)) } };
        },
      }),
    ),
    route({
      method: "POST",
      path: "/api/processes/{name}/scale",
      operation: "scale",
      body: Type.Object({ instances: QuantitySchema }, { additionalProperties: false }),
      bodyExamples: { number: { instances: 4 }, more: { instances: "+2" } },
      answers: { 200: done },
      handle: async ({ name, body }) => {
        const { app } = await velosd.call(
          "scale",
          { app: readApp(name), instances: body.instances, wait: "start" },
          true,
        );
        return { body: { app: stateOf(app) } };
      },
    }),
    route({
      method: "POST",
      path: "/api/processes/{name}/signal",
      operation: "signal",
      body: Type.Object({ signal: Type.String({ maxLength: 16 }) }, { additionalProperties: false }),
      bodyExamples: { hup: { signal: "SIGHUP" } },
      answers: { 200: { description: "the instances that it was sent to", schema: operations.signal.result } },
      handle: async ({ name, body }) => {
        readTarget(name);
        return { body: await velosd.call("signal", { selectors: [name], signal: body.signal }, true) };
      },
    }),
  ];
};

/** The app that a command was about; it may have been deleted while the command was at work. */
const only = <T>(apps: readonly T[], name: string): T => {
  const [app] = apps;
  if (app === undefined) throw new VelosError("APP_NOT_FOUND", { selector: name });
  return app;
};

/** Takes the last instance of an app away. */
const removeLast = async ({ velosd }: Services, app: string, index: number): Promise<void> => {
  const { instances } = (await velosd.call("describe", { selector: app })).app;
  if (index >= instances) throw new VelosError("INSTANCE_NOT_FOUND", { app, index, range: `0 to ${instances - 1}` });
  const why = index < instances - 1 ? `only the last one, ${app}:${instances - 1}, can` : "it is the only one";
  if (index < instances - 1 || index === 0) throw new VelosError("INSTANCE_NOT_LAST", { app, index, why });
  await velosd.call("scale", { app, instances: index, wait: "start" }, true);
};
