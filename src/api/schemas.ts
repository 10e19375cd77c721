import * as Type from "typebox";
import type { Static } from "typebox";
import type { LogLine } from "../backend/backend.ts";
import type { AppView, InstanceView } from "../controller/views.ts";
import type { AppSpec } from "../domain/app.ts";

const Text = Type.String({ maxLength: 65_536 });
const Milliseconds = Type.Number({ minimum: 0, maximum: 30 * 24 * 3600 * 1000 });
const Index = Type.Integer({ minimum: 0, maximum: 9999 });
const Count = Type.Integer({ minimum: 0 });

const AbsolutePath = Type.String({ pattern: "^/", maxLength: 4096 });
const Paths = Type.Optional(Type.Array(AbsolutePath, { maxItems: 256 }));
const Switch = Type.Optional(Type.Boolean());

const SandboxSchema = Type.Object(
  {
    profile: Type.Union([Type.Literal("strict"), Type.Literal("default"), Type.Literal("none")]),
    write: Paths,
    read: Paths,
    hide: Paths,
    network: Switch,
    devices: Switch,
    privateTmp: Switch,
    newPrivileges: Switch,
    capabilities: Type.Optional(Type.Array(Type.String({ pattern: "^CAP_[A-Z_]+$" }), { maxItems: 64 })),
    writeExecute: Switch,
  },
  { additionalProperties: false },
);

/** An app's spec, resolved. The type below is checked against the domain's. */
export const AppSpecSchema = Type.Object(
  {
    name: Type.String({ pattern: "^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9_.])?$" }),
    program: Type.String({ pattern: "^/", maxLength: 4096 }),
    args: Type.Array(Type.String({ maxLength: 131_072 }), { maxItems: 4096 }),
    script: Type.Optional(Text),
    interpreter: Type.Optional(Text),
    cwd: Type.String({ pattern: "^/", maxLength: 4096 }),
    env: Type.Record(Type.String(), Type.String({ maxLength: 131_072 })),
    secretEnv: Type.Record(Type.String(), Type.String({ maxLength: 131_072 })),
    user: Type.Optional(Text),
    group: Type.Optional(Text),
    sandbox: Type.Optional(SandboxSchema),
    credentials: Type.Optional(
      Type.Record(
        Type.String({ pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$" }),
        Type.Union([
          Type.Object({ path: AbsolutePath }, { additionalProperties: false }),
          Type.Object({ encrypted: AbsolutePath }, { additionalProperties: false }),
          Type.Object({ text: Type.String({ maxLength: 131_072 }) }, { additionalProperties: false }),
        ]),
      ),
    ),
    autorestart: Type.Boolean(),
    maxRestarts: Count,
    minUptimeMs: Milliseconds,
    restartDelayMs: Milliseconds,
    expBackoffRestartDelayMs: Milliseconds,
    killTimeoutMs: Milliseconds,
    killSignal: Type.String({ pattern: "^SIG[A-Z0-9]+$" }),
    waitReady: Type.Boolean(),
    listenTimeoutMs: Milliseconds,
    stopExitCodes: Type.Array(Type.Integer({ minimum: 0, maximum: 255 }), { maxItems: 256 }),
    maxMemoryRestartBytes: Type.Optional(Count),
    memoryMaxBytes: Type.Optional(Count),
    cpuQuotaPercent: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    tasksMax: Type.Optional(Count),
    listen: Type.Array(
      Type.Union([
        Type.Object(
          { host: Type.Optional(Text), port: Type.Integer({ minimum: 1, maximum: 65_535 }) },
          { additionalProperties: false },
        ),
        Type.Object(
          { path: Type.String({ pattern: "^/" }), mode: Type.Optional(Type.Integer({ minimum: 0, maximum: 0o777 })) },
          { additionalProperties: false },
        ),
      ]),
      { maxItems: 32 },
    ),
    maxConnectionAgeMs: Milliseconds,
    shutdownWithMessage: Type.Boolean(),
    health: Type.Optional(
      Type.Object(
        {
          http: Type.Optional(Text),
          tcp: Type.Optional(Text),
          command: Type.Optional(Type.Array(Text, { minItems: 1 })),
          intervalMs: Milliseconds,
          timeoutMs: Milliseconds,
          failures: Type.Integer({ minimum: 1 }),
          gracePeriodMs: Milliseconds,
        },
        { additionalProperties: false },
      ),
    ),
    watch: Type.Array(Text, { maxItems: 256 }),
    watchIgnore: Type.Array(Text, { maxItems: 256 }),
    cronRestart: Type.Optional(Text),
    instanceVar: Type.Optional(Text),
    incrementVar: Type.Optional(Text),
    logMaxBytes: Count,
    logKeep: Count,
    rollout: Type.Object({
      maxUnavailable: Type.Optional(Type.Union([Count, Type.String({ pattern: "^\\d+(\\.\\d+)?%$" })])),
      surge: Type.Optional(Count),
      pauseMs: Type.Optional(Milliseconds),
      minReadyMs: Milliseconds,
      deadlineMs: Milliseconds,
      onFailure: Type.Union([Type.Literal("revert"), Type.Literal("stop")]),
    }),
    systemd: Type.Record(
      Type.String(),
      Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Array(Type.String())]),
    ),
  },
  { additionalProperties: false },
);

/** `4`, `+2`, `-1`, `max`. */
export const QuantitySchema = Type.Union([Type.String({ maxLength: 16 }), Type.Integer()]);

/** `api`, `api:2`, `api*`, `all`. */
export const SelectorSchema = Type.String({ minLength: 1, maxLength: 80 });
export const SelectorsSchema = Type.Array(SelectorSchema, { minItems: 1, maxItems: 1000 });

const ExitSchema = Type.Object({
  at: Type.Number(),
  code: Type.Optional(Type.Integer()),
  signal: Type.Optional(Type.String()),
  ranMs: Type.Optional(Type.Number()),
  result: Type.Optional(Type.String()),
});

const HoldSchema = Type.Object({
  why: Type.Union([
    Type.Literal("command"),
    Type.Literal("operator"),
    Type.Literal("exited"),
    Type.Literal("failed"),
    Type.Literal("gave-up"),
  ]),
  at: Type.Number(),
  exit: Type.Optional(ExitSchema),
});

export const StatusSchema = Type.Union([
  Type.Literal("starting"),
  Type.Literal("online"),
  Type.Literal("stopping"),
  Type.Literal("stopped"),
  Type.Literal("waiting"),
  Type.Literal("errored"),
]);

export const InstanceSchema = Type.Object({
  name: Type.String(),
  app: Type.String(),
  index: Index,
  status: StatusSchema,
  unit: Type.Optional(Type.String()),
  pid: Type.Optional(Type.Integer()),
  cpuPercent: Type.Optional(Type.Number()),
  memoryBytes: Type.Optional(Type.Number()),
  uptimeMs: Type.Optional(Type.Number()),
  startedAt: Type.Optional(Type.Number()),
  restarts: Count,
  spec: Type.Optional(Type.String()),
  run: Type.Optional(Type.String()),
  exit: Type.Optional(ExitSchema),
  hold: Type.Optional(HoldSchema),
});

export const RolloutSchema = Type.Object({
  id: Type.String(),
  kind: Type.Union([Type.Literal("restart"), Type.Literal("reload"), Type.Literal("update"), Type.Literal("revert")]),
  status: Type.Union([
    Type.Literal("running"),
    Type.Literal("paused"),
    Type.Literal("done"),
    Type.Literal("stalled"),
    Type.Literal("reverted"),
    Type.Literal("superseded"),
  ]),
  reason: Type.Union([
    Type.Literal("manual"),
    Type.Literal("rollout"),
    Type.Literal("watch"),
    Type.Literal("cron"),
    Type.Literal("memory"),
    Type.Literal("health"),
  ]),
  from: Type.Record(Type.String(), Type.String()),
  startedAt: Type.Number(),
  endedAt: Type.Optional(Type.Number()),
  failure: Type.Optional(Type.Object({ index: Index, why: Type.String() })),
});

export const AppSchema = Type.Object({
  name: Type.String(),
  instances: Count,
  running: Type.Boolean(),
  online: Count,
  backend: Type.Union([
    Type.Literal("systemd"),
    Type.Literal("launchd"),
    Type.Literal("spawn"),
    Type.Literal("memory"),
  ]),
  spec: Type.String(),
  command: Type.String(),
  cwd: Type.String(),
  user: Type.Optional(Type.String()),
  createdAt: Type.Number(),
  updatedAt: Type.Number(),
  rollout: Type.Optional(
    Type.Object({
      ...RolloutSchema.properties,
      replaced: Type.Integer({
        minimum: 0,
        description: "instances that run on what they are brought to, and are ready",
      }),
      total: Type.Integer({ minimum: 0, description: "instances that are to be replaced" }),
    }),
  ),
  processes: Type.Array(InstanceSchema),
});

export const LogLevelSchema = Type.Union([
  Type.Literal("fatal"),
  Type.Literal("error"),
  Type.Literal("warn"),
  Type.Literal("info"),
  Type.Literal("debug"),
  Type.Literal("trace"),
]);

export const LogLineSchema = Type.Object({
  at: Type.Number({ description: "microseconds since the epoch" }),
  app: Type.String(),
  index: Type.Integer({ minimum: -1, description: "-1 when it cannot be told any more" }),
  stream: Type.Union([Type.Literal("stdout"), Type.Literal("stderr"), Type.Literal("unknown")]),
  level: LogLevelSchema,
  message: Type.String(),
  place: Type.Optional(Type.String({ description: "where it stands in the log; told to those who ask" })),
});

/** A piece of a log. */
export const LogPageSchema = Type.Object({
  lines: Type.Array(LogLineSchema, { description: "oldest first" }),
  cursor: Type.Optional(Type.String({ description: "to go on after the last line; only of one app's log" })),
  truncated: Type.Boolean({ description: "true: there may be more, but looking for it was given up" }),
});

// The wire and the code are two descriptions of one thing: these lines fail to compile when they differ.
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const same = <A, B>(_: Same<A, B>): void => {};
same<Static<typeof AppSpecSchema>, AppSpec>(true);
same<Static<typeof InstanceSchema>, InstanceView>(true);
same<Static<typeof AppSchema>, AppView>(true);
same<Static<typeof LogLineSchema>, LogLine>(true);
