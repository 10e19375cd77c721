import type { TSchema } from "typebox";
import * as Type from "typebox";
import { maskEnv, maskSpec } from "../api/mask.ts";
import type { Access, CallName, Result } from "../api/operations.ts";
import { operations } from "../api/operations.ts";
import type { Connection } from "../client/connection.ts";
import { VelosError } from "../domain/errors.ts";
import { summarize } from "./log-summary.ts";
import { readableMetrics } from "../api/readable-metrics.ts";

/** Whoever passes calls on to velosd. */
export type Caller = Pick<Connection, "call">;

/** What an agent can use. */
export interface Tool {
  /** `pause_rollout` */
  name: string;
  description: string;
  access: Access;
  /** Ends something that runs, or loses it. */
  destructive: boolean;
  params: TSchema;
  run: (params: Record<string, unknown>, daemon: Caller) => Promise<unknown>;
}

/**
 * Operations that are no tools as they are: `start` takes what velos.toml has instead of a finished spec, `ping` and
 * `shutdown` are about velosd and not about apps.
 */
const NOT_TOOLS = new Set<CallName>(["ping", "shutdown", "start"]);
/** Parameters that agents do not have: secrets stay masked, and places in a log are for programs. */
const NOT_PARAMS = new Set(["secrets", "places", "reason"]);
const DESTRUCTIVE = new Set<CallName>(["stop", "restart", "scale", "delete", "signal", "undoRollout"]);

/** More about an operation than its summary says, where an agent needs it. */
const HINTS: Partial<Record<CallName, string>> = {
  restart: "rolling: true replaces the instances a few at a time without a dropped request; prefer it for servers.",
  scale: "instances: 4, +2, -1 or max (one per processor).",
  signal: "signal: a name such as SIGHUP.",
  logPage:
    "level: that severe or more. Times are in milliseconds since the epoch. For an overview use log_summary first.",
  delete: "The app is stopped and forgotten; its logs in the journal stay.",
};

/** Results that agents get in another form: by names instead of columns, and without what may be a secret. */
const forAgents = {
  metrics: readableMetrics,
  env: ({ env }: Result<"env">) => ({ env: maskEnv(env) }),
  describe: ({ spec, ...rest }: Result<"describe">) => ({ ...rest, spec: maskSpec(spec) }),
};

const SUMMARY_LINES = 5000;

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const objectSchema = (schema: TSchema): Record<string, TSchema> =>
  (schema as unknown as { properties: Record<string, TSchema> }).properties;

const required = (schema: TSchema): readonly string[] => (schema as unknown as { required?: string[] }).required ?? [];

/** The parameters of an operation that an agent may give. */
const paramsOf = (name: CallName): TSchema => {
  const { params } = operations[name];
  const kept = Object.entries(objectSchema(params)).filter(([key]) => !NOT_PARAMS.has(key));
  return Type.Object(
    Object.fromEntries(
      kept.map(([key, schema]) => [key, required(params).includes(key) ? schema : Type.Optional(schema)]),
    ),
    { additionalProperties: false },
  );
};

const isCall = (name: string): name is CallName => !("stream" in operations[name as CallName]);

const derived = (name: CallName): Tool => {
  const { summary, access } = operations[name];
  return {
    name: name === "logPage" ? "logs" : snake(name),
    description: [`${summary}.`, HINTS[name]].filter(Boolean).join(" "),
    access,
    destructive: DESTRUCTIVE.has(name),
    params: paramsOf(name),
    run: async (params, daemon) => {
      const result = await daemon.call(name, params);
      const formed = (forAgents as Partial<Record<CallName, (result: never) => unknown>>)[name];
      return formed ? formed(result as never) : result;
    },
  };
};

const logSummary: Tool = {
  name: "log_summary",
  description:
    "The latest lines of the output of apps or instances, grouped by what they have in common: the most severe first, " +
    "then the most frequent, each with its count, its latest line and when and by whom it was printed.",
  access: "read",
  destructive: false,
  params: Type.Object(
    {
      ...Object.fromEntries(
        Object.entries(objectSchema(operations.logPage.params)).filter(([key]) =>
          ["selectors", "since", "until", "level", "grep"].includes(key),
        ),
      ),
      groups: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: "how many groups; default 30" })),
    },
    { additionalProperties: false },
  ),
  run: async ({ groups, ...query }, daemon) => {
    const page = await daemon.call("logPage", { ...query, lines: SUMMARY_LINES } as never);
    return { ...summarize(page.lines, groups as number | undefined), truncated: page.truncated };
  },
};

/** All tools, or those that only look. */
export const createTools = ({ readOnly, more = [] }: { readOnly: boolean; more?: readonly Tool[] }): Tool[] =>
  [
    ...Object.keys(operations)
      .filter(isCall)
      .filter((name) => !NOT_TOOLS.has(name))
      .map(derived),
    logSummary,
    ...more,
  ]
    .filter(({ access }) => access === "read" || (!readOnly && access === "operate"))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

/** @throws VelosError USAGE when there is no such tool, or not for this reader */
export const findTool = (tools: readonly Tool[], name: string): Tool => {
  const tool = tools.find((one) => one.name === name);
  if (tool) return tool;
  const exists = name === "start" || createTools({ readOnly: false }).some((one) => one.name === name);
  throw new VelosError("USAGE", {
    why: exists ? `${name} changes something, and this server only looks` : `there is no tool ${name}`,
    hint: exists ? "it was started with --read-only" : `there are ${tools.map((one) => one.name).join(", ")}`,
  });
};
