import * as Type from "typebox";
import type { Static } from "typebox";
import {
  AppChangeSchema,
  AppStateSchema,
  InstanceChangeSchema,
  RolloutChangeSchema,
  SnapshotSchema,
} from "./live-schema.ts";
import { LogLevelSchema, LogLineSchema } from "./schemas.ts";

export { AppSummarySchema, RolloutProgressSchema, type AppSummary, type RolloutProgress } from "./live-schema.ts";

/*
 * What goes over the WebSocket `/ws` of `velos api`, one JSON object a message. The server sends `PushMessage`s, told
 * apart by `type`; the client sends `ClientMessage`s, told apart by the one member that each of them must have.
 *
 * The course of a connection:
 *
 *   server: hello, snapshot, then instance, app, rollout and velosd messages as things change, and metrics every second
 *   client: {"subscribe":["logs:api"],"lines":100}
 *   server: subscribed, then log messages
 *
 * A client begins with the topics `processes` and `metrics`.
 *
 * `seq` numbers what is told of the topic `processes`, without a gap: snapshot, instance, app, rollout, velosd. Metrics
 * and log lines are not numbered, since they are not repeated. A client that lost its connection connects to
 * `/ws?session=<hello.session>&seq=<last seq it has seen>`: it gets `hello` with `resumed: true` and everything since,
 * or, when that is too long ago or velos api was restarted, `resumed: false` and a snapshot as at the first time. It
 * subscribes to its other topics again; log lines go on where it names the `cursor` of the last `log` message.
 *
 * Who has a token and cannot send an Authorization header, as browsers, offers two subprotocols: `velos.v1`, which is the
 * one that the server takes, and `velos.bearer.` followed by the token in base64url.
 *
 * Close codes: 1001 the server ends (connect again), 1008 not allowed (do not), 1009 a message is too long, 1013 too
 * slow: more was waiting to be read than the server keeps (connect again and resume).
 */

const at = Type.Number({ description: "milliseconds since the epoch" });
const seq = Type.Integer({ minimum: 0, description: "number of the message; one more than the message before" });
const id = Type.Union([Type.String({ maxLength: 64 }), Type.Integer()], {
  description: "chosen by the client; what answers a message repeats it",
});

/** `processes`, `metrics`, or `logs:` and a selector: `logs:api`, `logs:api:2`, `logs:api*`, `logs:all`. */
export const TopicSchema = Type.String({
  pattern: "^(processes|metrics|logs:.{1,80})$",
  examples: ["processes", "metrics", "logs:api", "logs:api:2", "logs:all"],
});
export type Topic = Static<typeof TopicSchema>;

/** The first message. */
export const HelloSchema = Type.Object(
  {
    type: Type.Literal("hello"),
    at,
    session: Type.String({ description: "changes whenever velos api is started; for resuming" }),
    version: Type.String({ description: "of velos" }),
    scope: Type.Union([Type.Literal("system"), Type.Literal("user")]),
    access: Type.Union([Type.Literal("read"), Type.Literal("operate"), Type.Literal("admin")], {
      description: "what this client may do: look; act on apps; see secrets",
    }),
    client: Type.Optional(Type.String({ description: "name of the token that it showed" })),
    resumed: Type.Boolean({ description: "true: what was missed follows; false: a snapshot does" }),
    topics: Type.Array(TopicSchema),
  },
  {
    examples: [
      {
        type: "hello",
        at: 1763856000000,
        session: "k3v9x2q7",
        version: "0.1.0",
        scope: "user",
        access: "operate",
        client: "dashboard",
        resumed: false,
        topics: ["processes", "metrics"],
      },
    ],
  },
);

/**
 * Everything there is; replaces what the client knows. Sent at first, when `processes` is subscribed to again, and to
 * all when velos api has lost velosd and found it again. While velosd is away, it is what was known last.
 */
export const SnapshotMessageSchema = Type.Object(
  {
    ...SnapshotSchema.properties,
    apps: Type.Array(AppStateSchema),
    seq,
    connected: Type.Boolean({ description: "false while velosd is away" }),
  },
  {
    examples: [
      {
        type: "snapshot",
        seq: 41,
        at: 1763856000000,
        connected: true,
        apps: [
          {
            name: "api",
            instances: 1,
            running: true,
            online: 1,
            backend: "systemd",
            spec: "9f1c2ab4",
            command: "/srv/api/server.js",
            cwd: "/srv/api",
            createdAt: 1763850000000,
            updatedAt: 1763850000000,
            processes: [
              {
                name: "api:0",
                app: "api",
                index: 0,
                status: "online",
                unit: "velos-api@0.service",
                pid: 4711,
                cpuPercent: 1.5,
                memoryBytes: 52428800,
                startedAt: 1763855940000,
                uptimeMs: 60000,
                restarts: 0,
                spec: "9f1c2ab4",
                run: "0f62a4…",
              },
            ],
          },
        ],
        rollouts: [],
        problems: [],
      },
    ],
  },
);

/** An instance came, changed or went. `instance` is all of it as it is now, without CPU and memory. */
export const InstanceMessageSchema = Type.Object(
  { ...InstanceChangeSchema.properties, seq },
  {
    description: "without `instance` it is gone, and is no longer a row of its app",
    examples: [
      {
        type: "instance",
        seq: 42,
        at: 1763856000100,
        name: "api:0",
        app: "api",
        index: 0,
        status: "waiting",
        previous: "online",
        instance: {
          name: "api:0",
          app: "api",
          index: 0,
          status: "waiting",
          restarts: 1,
          exit: { at: 1763856000099, code: 1 },
        },
        online: 0,
      },
    ],
  },
);

/** An app was created, changed (its spec, its size, stopped, started) or deleted; without `app` it is gone. */
export const AppMessageSchema = Type.Object(
  { ...AppChangeSchema.properties, seq },
  { examples: [{ type: "app", seq: 43, at: 1763856000200, name: "api", change: "deleted" }] },
);

/** A rollout began, went a step further, was paused or ended. */
export const RolloutMessageSchema = Type.Object(
  { ...RolloutChangeSchema.properties, seq },
  {
    examples: [
      {
        type: "rollout",
        seq: 44,
        at: 1763856000300,
        app: "api",
        rollout: {
          id: "r7",
          kind: "reload",
          status: "running",
          reason: "manual",
          startedAt: 1763856000250,
        },
        replaced: 1,
        total: 4,
      },
    ],
  },
);

/** velosd was lost (what is shown may be old, nothing can be done), or found again (a snapshot follows). */
export const VelosdMessageSchema = Type.Object(
  {
    type: Type.Literal("velosd"),
    seq,
    at,
    connected: Type.Boolean(),
    why: Type.Optional(Type.String()),
  },
  { examples: [{ type: "velosd", seq: 45, at: 1763856000400, connected: false, why: "it closed the connection" }] },
);

/** What an instance uses at the moment; what is not known is absent. */
export const InstanceMetricsSchema = Type.Object({
  cpuPercent: Type.Optional(Type.Number({ minimum: 0, description: "100 = one core" })),
  memoryBytes: Type.Optional(Type.Number({ minimum: 0 })),
  tasks: Type.Optional(Type.Integer({ minimum: 0 })),
  openFds: Type.Optional(Type.Integer({ minimum: 0 })),
  restarts: Type.Integer({ minimum: 0 }),
});
export type InstanceMetrics = Static<typeof InstanceMetricsSchema>;

/** The figures of all instances that have a process, every second or as often as the client asked for. */
export const MetricsMessageSchema = Type.Object(
  {
    type: Type.Literal("metrics"),
    at,
    velosd: Type.Object({
      memoryBytes: Type.Number({ minimum: 0 }),
      cpuSeconds: Type.Number({ minimum: 0 }),
      uptimeSeconds: Type.Number({ minimum: 0 }),
    }),
    instances: Type.Record(Type.String(), InstanceMetricsSchema, { description: "by name: api:2" }),
  },
  {
    examples: [
      {
        type: "metrics",
        at: 1763856001000,
        velosd: { memoryBytes: 58000000, cpuSeconds: 3.1, uptimeSeconds: 86400 },
        instances: { "api:0": { cpuPercent: 12.5, memoryBytes: 52428800, tasks: 11, openFds: 24, restarts: 0 } },
      },
    ],
  },
);

/** Lines of a topic `logs:…`, oldest first: those of the past that were asked for, then each as it comes. */
export const LogMessageSchema = Type.Object(
  {
    type: Type.Literal("log"),
    topic: TopicSchema,
    lines: Type.Array(LogLineSchema, { minItems: 1 }),
    cursor: Type.Optional(
      Type.String({
        description: "to go on after the last of these lines: `cursor` of `subscribe`; only where the topic is one app",
      }),
    ),
  },
  {
    examples: [
      {
        type: "log",
        topic: "logs:api",
        lines: [
          { at: 1763856001000000, app: "api", index: 0, stream: "stdout", level: "info", message: "listening on 3000" },
        ],
        cursor: "eyJhdCI6MTc2Mzg1NjAwMTAwMDAwMCwiaWRzIjpbIjBANDEiXX0",
      },
    ],
  },
);

/** The client did not read as fast as lines came, so this many were left out. */
export const SkippedMessageSchema = Type.Object(
  { type: Type.Literal("skipped"), topic: TopicSchema, lines: Type.Integer({ minimum: 1 }) },
  { examples: [{ type: "skipped", topic: "logs:api", lines: 1250 }] },
);

/** Answers `subscribe` and `unsubscribe`: all topics of this client from now on. */
export const SubscribedMessageSchema = Type.Object(
  { type: Type.Literal("subscribed"), id: Type.Optional(id), topics: Type.Array(TopicSchema) },
  { examples: [{ type: "subscribed", id: 1, topics: ["processes", "metrics", "logs:api"] }] },
);

/** Answers `ping`. */
export const PongMessageSchema = Type.Object(
  { type: Type.Literal("pong"), id: Type.Optional(id), at },
  { examples: [{ type: "pong", id: 7, at: 1763856002000 }] },
);

/** A message of the client was wrong, or a topic of its has ended (`topic`). The members are those of problem+json. */
export const ErrorMessageSchema = Type.Object(
  {
    type: Type.Literal("error"),
    id: Type.Optional(id),
    topic: Type.Optional(TopicSchema),
    code: Type.String({ description: "of the error table" }),
    detail: Type.String(),
    hint: Type.Optional(Type.String()),
  },
  {
    examples: [
      {
        type: "error",
        id: 1,
        topic: "logs:nope",
        code: "APP_NOT_FOUND",
        detail: "no app matches 'nope'",
        hint: "see `velos list`",
      },
    ],
  },
);

/** From the server. */
export const PushMessageSchema = Type.Union([
  HelloSchema,
  SnapshotMessageSchema,
  InstanceMessageSchema,
  AppMessageSchema,
  RolloutMessageSchema,
  VelosdMessageSchema,
  MetricsMessageSchema,
  LogMessageSchema,
  SkippedMessageSchema,
  SubscribedMessageSchema,
  PongMessageSchema,
  ErrorMessageSchema,
]);
export type PushMessage = Static<typeof PushMessageSchema>;
/** One kind of message from the server: `MessageOf<"instance">`. */
export type MessageOf<K extends PushMessage["type"]> = Extract<PushMessage, { type: K }>;

/** Adds topics. The other members are for the topics in this message. */
export const SubscribeSchema = Type.Object(
  {
    subscribe: Type.Array(TopicSchema, { minItems: 1, maxItems: 64 }),
    id: Type.Optional(id),
    interval: Type.Optional(
      Type.Integer({
        minimum: 1000,
        maximum: 3_600_000,
        description: "of metrics: milliseconds, in whole seconds; else 1000",
      }),
    ),
    lines: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 10_000, description: "of logs: of the past, the last N that match; else 0" }),
    ),
    level: Type.Optional(LogLevelSchema),
    cursor: Type.Optional(
      Type.String({
        maxLength: 16_384,
        description: "of logs: go on after this line; `lines` is then the most to send",
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [
      { subscribe: ["processes", "metrics", "logs:api"] },
      { subscribe: ["logs:api:2"], lines: 100, level: "error", id: 1 },
    ],
  },
);

/** Takes topics away. */
export const UnsubscribeSchema = Type.Object(
  { unsubscribe: Type.Array(TopicSchema, { minItems: 1, maxItems: 64 }), id: Type.Optional(id) },
  { additionalProperties: false, examples: [{ unsubscribe: ["logs:api"] }] },
);

/** For clients that cannot send WebSocket pings, as browsers; the server's own need no attention of the program. */
export const PingSchema = Type.Object(
  { ping: Type.Literal(true), id: Type.Optional(id) },
  { additionalProperties: false, examples: [{ ping: true, id: 7 }] },
);

/** From the client. */
export const ClientMessageSchema = Type.Union([SubscribeSchema, UnsubscribeSchema, PingSchema]);
export type ClientMessage = Static<typeof ClientMessageSchema>;
