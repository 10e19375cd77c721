import { Readable } from "node:stream";
import type { Static } from "typebox";
import * as Type from "typebox";
import { LogLevelSchema, LogLineSchema } from "../../api/schemas.ts";
import type { Params } from "../../api/operations.ts";
import type { Services } from "../services.ts";
import { readTime } from "../time.ts";
import type { Answer, Route } from "./route.ts";
import { route } from "./route.ts";
import { logLines } from "../push/log-lines.ts";

const time = (description: string) =>
  Type.Optional(Type.String({ maxLength: 40, description: `${description}: milliseconds since the epoch, or a date` }));

const Query = Type.Object(
  {
    lines: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 10_000,
        default: 100,
        description: "the last N that match; with a cursor the first N after it",
      }),
    ),
    level: Type.Optional(LogLevelSchema),
    grep: Type.Optional(Type.String({ minLength: 1, maxLength: 1000, description: "regular expression of RE2" })),
    since: time("from here on"),
    until: time("up to here"),
    cursor: Type.Optional(
      Type.String({ minLength: 1, maxLength: 16_384, description: "X-Next-Cursor of the answer before" }),
    ),
    follow: Type.Optional(Type.Boolean({ description: "1: go on with lines as they come, one JSON object a line" })),
  },
  { additionalProperties: false },
);

const Page = Type.Object({
  lines: Type.Array(LogLineSchema, { description: "oldest first" }),
  cursor: Type.Optional(Type.String()),
  truncated: Type.Boolean({ description: "true: there may be more, but looking for it was given up" }),
});

const DEFAULT_LINES = 100;

/** What apps wrote. */
export const logRoutes = (services: Services): Route[] => [
  route({
    method: "GET",
    path: "/api/logs/{name}",
    operation: "logPage",
    description: "The name may be a selector: `api`, `api:2`, `api*`, `all`. A level means at least this severe.",
    query: Query,
    answers: {
      200: {
        description: "the lines; with follow=1 as application/x-ndjson, which does not end",
        schema: Page,
        headers: { "X-Next-Cursor": "to go on after the last line; only of one app's log" },
      },
    },
    handle: async ({ name, query, gone }) =>
      query.follow === true ? follow(services, name, query, gone) : page(services, name, query),
  }),
];

const pageParams = (name: string, query: Static<typeof Query>): Params<"logPage"> => ({
  selectors: [name.slice(0, 80)],
  lines: query.lines ?? DEFAULT_LINES,
  ...(query.level !== undefined && { level: query.level }),
  ...(query.grep !== undefined && { grep: query.grep }),
  ...(query.since !== undefined && { since: readTime(query.since, "since") }),
  ...(query.until !== undefined && { until: readTime(query.until, "until") }),
  ...(query.cursor !== undefined && { cursor: query.cursor }),
});

const page = async ({ velosd, logLimits }: Services, name: string, query: Static<typeof Query>): Promise<Answer> => {
  const params = pageParams(name, query);
  const found = await logLimits.run(() => velosd.call("logPage", params));
  return { headers: { "x-next-cursor": found.cursor }, body: found };
};

const follow = async (
  services: Services,
  name: string,
  query: Static<typeof Query>,
  gone: AbortSignal,
): Promise<Answer> => {
  const batches = logLines(services, pageParams(name, query), gone);
  // The first answer tells whether there is such a log; only then the status can still say that there is none.
  const first = await batches.next();
  // An answer that nobody reads asks for no more batches, which would end them.
  const end = (): void => void batches.return().catch(() => {});
  if (gone.aborted) end();
  else gone.addEventListener("abort", end, { once: true });
  const rest = async function* (): AsyncGenerator<string> {
    try {
      for (let next = first; !next.done; next = await batches.next())
        if (next.value.lines.length > 0) yield `${next.value.lines.map((line) => JSON.stringify(line)).join("\n")}\n`;
    } finally {
      end();
    }
  };
  return { bytes: Readable.from(rest(), { objectMode: false }), type: "application/x-ndjson" };
};
