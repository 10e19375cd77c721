import * as Type from "typebox";
import { AppStateSchema } from "../../api/live-schema.ts";
import { operations } from "../../api/operations.ts";
import { InstanceSchema } from "../../api/schemas.ts";
import { VelosError } from "../../domain/errors.ts";
import { allows } from "../access/tokens.ts";
import { maskEnv, maskSpec } from "../../api/mask.ts";
import { UNMEASURED_AGE_MS } from "../samples.ts";
import type { Services } from "../services.ts";
import type { Route } from "./route.ts";
import { route } from "./route.ts";
import { checkPresence, findApp, noInstance, readTarget } from "./target.ts";

const problems = Type.Array(Type.String(), { description: "what velosd could not read" });
const Apps = Type.Object({ apps: Type.Array(AppStateSchema), problems });
const Rows = Type.Object({ processes: Type.Array(InstanceSchema), problems });

const flat = Type.Object(
  { flat: Type.Optional(Type.Boolean({ description: "1: a row for each instance" })) },
  { additionalProperties: false },
);
const secrets = Type.Object(
  { secrets: Type.Optional(Type.Boolean({ description: "1: secrets as they are, instead of masked; needs admin" })) },
  { additionalProperties: false },
);

/** What there is. Figures are at most a second old. */
export const processRoutes = ({ velosd, fleet, samples }: Services): Route[] => {
  const refresh = async (): Promise<void> => {
    checkPresence(velosd);
    fleet.use(await samples.fresh(fleet.isUnmeasured ? UNMEASURED_AGE_MS : undefined));
  };
  return [
    route({
      method: "GET",
      path: "/api/processes",
      operation: "list",
      query: flat,
      fromMemory: true,
      answers: { 200: { description: "apps, or with flat=1 instances", schema: Type.Union([Apps, Rows]) } },
      handle: async ({ query }) => {
        await refresh();
        return { bytes: query.flat === true ? fleet.rows() : fleet.list() };
      },
    }),
    route({
      method: "GET",
      path: "/api/processes/{name}",
      id: "one",
      summary: "One app (`api`) or one instance (`api:2`)",
      access: "read",
      fromMemory: true,
      answers: {
        200: { description: "the app, or the instance", schema: Type.Union([AppStateSchema, InstanceSchema]) },
      },
      handle: async ({ name }) => {
        const target = readTarget(name);
        await refresh();
        const app = findApp(fleet, target.app);
        if (target.index === undefined) return { bytes: fleet.text(target.app)! };
        const instance = fleet.instance(target.app, target.index);
        if (!instance) throw noInstance(app, target.index);
        return { body: instance };
      },
    }),
    route({
      method: "GET",
      path: "/api/processes/{name}/spec",
      operation: "describe",
      query: secrets,
      answers: { 200: { description: "the app and its spec", schema: operations.describe.result } },
      handle: async ({ name, query, client }) => {
        readTarget(name);
        const open = query.secrets === true;
        if (open) checkAdmin(client.access);
        const { spec, ...rest } = await velosd.call("describe", { selector: name, ...(open && { secrets: true }) });
        return { body: { ...rest, spec: open ? spec : maskSpec(spec) } };
      },
    }),
    route({
      method: "GET",
      path: "/api/processes/{name}/env",
      operation: "env",
      query: secrets,
      answers: { 200: { description: "its variables", schema: operations.env.result } },
      handle: async ({ name, query, client }) => {
        readTarget(name);
        const open = query.secrets === true;
        if (open) checkAdmin(client.access);
        const { env } = await velosd.call("env", { selector: name, ...(open && { secrets: true }) });
        return { body: { env: open ? env : maskEnv(env) } };
      },
    }),
  ];
};

const checkAdmin = (access: Parameters<typeof allows>[0]): void => {
  if (allows(access, "admin")) return;
  throw new VelosError("FORBIDDEN", { why: "secrets need the scope 'admin'", hint: "leave out secrets=1" });
};
