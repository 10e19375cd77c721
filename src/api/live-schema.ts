import * as Type from "typebox";
import type { Static } from "typebox";
import type { LiveItem } from "../controller/live-feed.ts";
import { AppSchema, InstanceSchema, RolloutSchema, StatusSchema } from "./schemas.ts";

const at = Type.Number({ description: "milliseconds since the epoch" });

/** An app's own members; its instances and its rollout are told by themselves. */
export const AppSummarySchema = Type.Omit(AppSchema, ["processes", "rollout"]);
export type AppSummary = Static<typeof AppSummarySchema>;

/** A rollout without the runs that it replaces, which are as many as there are instances. */
const RolloutSummarySchema = Type.Omit(RolloutSchema, ["from"]);

/** An app with its instances, as the REST API and the WebSocket show it. */
export const AppStateSchema = Type.Object({
  ...Type.Omit(AppSchema, ["rollout"]).properties,
  rollout: Type.Optional(RolloutSummarySchema),
});

/** How far a rollout has come. */
export const RolloutProgressSchema = Type.Object({
  app: Type.String(),
  rollout: RolloutSummarySchema,
  replaced: Type.Integer({ minimum: 0, description: "instances that run on what they are brought to, and are ready" }),
  total: Type.Integer({ minimum: 0, description: "instances that are to be replaced" }),
});
export type RolloutProgress = Static<typeof RolloutProgressSchema>;

/** Everything there is. */
export const SnapshotSchema = Type.Object({
  type: Type.Literal("snapshot"),
  at,
  apps: Type.Array(AppSchema),
  rollouts: Type.Array(RolloutProgressSchema, { description: "one for each app that has or had a rollout" }),
  problems: Type.Array(Type.String(), { description: "what velosd could not read" }),
});

const StatusOrAbsent = Type.Union([StatusSchema, Type.Literal("absent")]);

/** An instance came, changed or went; gone when it has no `instance`. */
export const InstanceChangeSchema = Type.Object({
  type: Type.Literal("instance"),
  at,
  name: Type.String({ description: "api:2" }),
  app: Type.String(),
  index: Type.Integer({ minimum: 0 }),
  status: StatusOrAbsent,
  previous: StatusOrAbsent,
  instance: Type.Optional(InstanceSchema),
  online: Type.Integer({ minimum: 0, description: "instances of the app that are online now" }),
});

/** An app came, changed (its spec, its size, stopped, started) or went. */
export const AppChangeSchema = Type.Object({
  type: Type.Literal("app"),
  at,
  name: Type.String(),
  change: Type.Union([Type.Literal("created"), Type.Literal("updated"), Type.Literal("deleted")]),
  app: Type.Optional(AppSummarySchema),
});

/** A rollout began, went a step further, was paused or ended. */
export const RolloutChangeSchema = Type.Object({
  type: Type.Literal("rollout"),
  at,
  ...RolloutProgressSchema.properties,
});

/** What the operation `live` tells. */
export const LiveSchema = Type.Union([SnapshotSchema, InstanceChangeSchema, AppChangeSchema, RolloutChangeSchema]);

// This line fails to compile when the wire and the code differ.
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const same = <A, B>(_: Same<A, B>): void => {};
same<Static<typeof LiveSchema>, LiveItem>(true);
