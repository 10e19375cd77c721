import * as Type from "typebox";
import type { Static, TSchema } from "typebox";
import { LiveSchema } from "./live-schema.ts";
import { MetricsSchema } from "./metrics-schema.ts";
import {
  AppSchema,
  AppSpecSchema,
  InstanceSchema,
  LogLevelSchema,
  LogLineSchema,
  LogPageSchema,
  QuantitySchema,
  RolloutSchema,
  SelectorSchema,
  SelectorsSchema,
} from "./schemas.ts";

/** What a caller must be allowed to: look, act on apps, or see secrets and end velosd. */
export type Access = "read" | "operate" | "admin";

interface OperationShape {
  summary: string;
  access: Access;
  params: TSchema;
  /** Of a stream: one item. */
  result: TSchema;
  /** Answers with a sequence of items, until it ends or the caller cancels. */
  stream?: true;
}

const none = Type.Object({}, { additionalProperties: false });
const selected = Type.Object({ selectors: SelectorsSchema }, { additionalProperties: false });
const oneApp = Type.Object({ app: SelectorSchema }, { additionalProperties: false });
const apps = Type.Object({ apps: Type.Array(AppSchema) });
/** Answered when everything has settled (absent), or before: a rollout goes on by itself. */
const wait = Type.Optional(
  Type.Union([Type.Literal("all"), Type.Literal("start")], {
    description: "start: until what was to start or stop has, but not for a rollout",
  }),
);
/** Secrets as they are, instead of masked: for admins. */
const secrets = Type.Optional(Type.Boolean({ description: "secrets as they are, instead of masked" }));
const logFilter = {
  level: Type.Optional(LogLevelSchema),
  grep: Type.Optional(Type.String({ maxLength: 1000, description: "regular expression of JavaScript" })),
};
const lines = Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 }));
const cursor = Type.Optional(Type.String({ maxLength: 16_384, description: "go on after this line" }));

/**
 * The one table of what velosd can be asked. JSON-RPC, REST, OpenAPI, WebSocket, MCP and the typed client are derived
 * from it; nothing describes an operation a second time.
 */
export const operations = {
  ping: {
    summary: "Who answers: version, scope, backend, problems",
    access: "read",
    params: none,
    result: Type.Object({
      version: Type.String(),
      pid: Type.Integer(),
      scope: Type.Union([Type.Literal("system"), Type.Literal("user")]),
      backend: Type.String(),
      uptimeMs: Type.Number(),
      memoryBytes: Type.Number(),
      apps: Type.Integer(),
      node: Type.String(),
      problems: Type.Array(Type.String()),
    }),
  },
  list: {
    summary: "Apps with their instances",
    access: "read",
    params: Type.Object({ selectors: Type.Optional(Type.Array(SelectorSchema)) }, { additionalProperties: false }),
    result: Type.Object({ apps: Type.Array(AppSchema), problems: Type.Array(Type.String()) }),
  },
  describe: {
    summary: "One app or instance with its whole spec; secrets are masked",
    access: "read",
    params: Type.Object(
      {
        selector: SelectorSchema,
        secrets,
        exposure: Type.Optional(Type.Boolean({ description: "also how much of the machine it can reach" })),
      },
      { additionalProperties: false },
    ),
    result: Type.Object({
      app: AppSchema,
      spec: AppSpecSchema,
      instance: Type.Optional(InstanceSchema),
      exposure: Type.Optional(
        Type.Number({ description: "from 0 (nothing) to 10 (everything), as systemd-analyze security counts it" }),
      ),
    }),
  },
  start: {
    summary: "Start an app, or bring one that exists to this spec and size",
    access: "operate",
    params: Type.Object(
      { spec: AppSpecSchema, instances: Type.Optional(QuantitySchema), wait },
      { additionalProperties: false },
    ),
    result: Type.Object({
      app: AppSchema,
      outcome: Type.Union([
        Type.Literal("created"),
        Type.Literal("resumed"),
        Type.Literal("unchanged"),
        Type.Literal("updated"),
      ]),
    }),
  },
  resume: { summary: "Start what was stopped", access: "operate", params: selected, result: apps },
  stop: { summary: "Stop apps or instances", access: "operate", params: selected, result: apps },
  restart: {
    summary: "Restart apps or instances: all at once, or rolling",
    access: "operate",
    params: Type.Object(
      {
        selectors: SelectorsSchema,
        rolling: Type.Optional(Type.Boolean()),
        reason: Type.Optional(Type.Union([Type.Literal("manual"), Type.Literal("cron")])),
        wait,
      },
      { additionalProperties: false },
    ),
    result: apps,
  },
  scale: {
    summary: "Set how many instances an app has: 4, +2, -1 or max",
    access: "operate",
    params: Type.Object({ app: SelectorSchema, instances: QuantitySchema, wait }, { additionalProperties: false }),
    result: Type.Object({ app: AppSchema }),
  },
  rollout: {
    summary: "The rollout of an app: the one under way, or the last",
    access: "read",
    params: oneApp,
    result: Type.Object({ app: AppSchema, rollout: Type.Optional(RolloutSchema) }),
  },
  pauseRollout: {
    summary: "Hold a rollout",
    access: "operate",
    params: oneApp,
    result: Type.Object({ app: AppSchema }),
  },
  resumeRollout: {
    summary: "Go on with a rollout",
    access: "operate",
    params: oneApp,
    result: Type.Object({ app: AppSchema }),
  },
  undoRollout: {
    summary: "Roll back to the spec before the last change",
    access: "operate",
    params: Type.Object({ app: SelectorSchema, wait }, { additionalProperties: false }),
    result: Type.Object({ app: AppSchema }),
  },
  delete: {
    summary: "Stop apps and forget them",
    access: "operate",
    params: selected,
    result: Type.Object({ deleted: Type.Array(Type.String()) }),
  },
  signal: {
    summary: "Send a signal to the main process of each selected instance",
    access: "operate",
    params: Type.Object(
      { selectors: SelectorsSchema, signal: Type.String({ maxLength: 16 }) },
      { additionalProperties: false },
    ),
    result: Type.Object({ signalled: Type.Array(Type.String()) }),
  },
  env: {
    summary: "The environment an instance was started with; secrets are masked",
    access: "read",
    params: Type.Object({ selector: SelectorSchema, secrets }, { additionalProperties: false }),
    result: Type.Object({ env: Type.Record(Type.String(), Type.String()) }),
  },
  logs: {
    summary: "Lines of the output of apps or instances: the last ones that match, oldest first, and those to come",
    access: "read",
    stream: true,
    params: Type.Object(
      {
        selectors: Type.Optional(Type.Array(SelectorSchema)),
        lines,
        follow: Type.Optional(Type.Boolean()),
        since: Type.Optional(Type.Number()),
        until: Type.Optional(Type.Number()),
        ...logFilter,
        places: Type.Optional(Type.Boolean({ description: "say where each line stands" })),
      },
      { additionalProperties: false },
    ),
    result: LogLineSchema,
  },
  logPage: {
    summary: "Lines of the output of apps or instances at once: the last ones that match, or those after a cursor",
    access: "read",
    params: Type.Object(
      {
        selectors: SelectorsSchema,
        lines,
        since: Type.Optional(Type.Number({ description: "milliseconds since the epoch" })),
        until: Type.Optional(Type.Number({ description: "milliseconds since the epoch" })),
        ...logFilter,
        cursor,
        places: Type.Optional(Type.Boolean({ description: "say where each line stands" })),
      },
      { additionalProperties: false },
    ),
    result: LogPageSchema,
  },
  live: {
    summary: "Everything there is, then each change of it: apps, instances, rollouts",
    access: "read",
    stream: true,
    params: none,
    result: LiveSchema,
  },
  watch: {
    summary: "Changes as they happen: of instances, apps and rollouts",
    access: "read",
    stream: true,
    params: none,
    result: Type.Unsafe<import("../controller/events.ts").VelosEvent>(
      Type.Object({ type: Type.String(), app: Type.String() }),
    ),
  },
  metrics: {
    summary: "Everything that is counted and measured of apps, instances and velosd, at this moment",
    access: "read",
    params: none,
    result: MetricsSchema,
  },
  doctor: {
    summary: "What this machine gives velos, and what velos does without",
    access: "read",
    params: none,
    result: Type.Object({
      facilities: Type.Array(Type.Object({ name: Type.String(), ok: Type.Boolean(), note: Type.String() })),
      problems: Type.Array(Type.String()),
    }),
  },
  shutdown: {
    summary: "End velosd; applications stay",
    access: "admin",
    params: none,
    result: Type.Object({ pid: Type.Integer() }),
  },
} as const satisfies Record<string, OperationShape>;

export type Operations = typeof operations;
export type OperationName = keyof Operations;
export type Params<K extends OperationName> = Static<Operations[K]["params"]>;
export type Result<K extends OperationName> = Static<Operations[K]["result"]>;
/** Operations that answer once, and those that answer with a sequence. */
export type StreamName = { [K in OperationName]: Operations[K] extends { stream: true } ? K : never }[OperationName];
export type CallName = Exclude<OperationName, StreamName>;
