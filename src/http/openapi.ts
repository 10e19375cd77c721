import * as Type from "typebox";
import type { TSchema } from "typebox";
import { errorTable } from "../domain/errors.ts";
import { PROBLEM_TYPE } from "./problem.ts";
import type { AnswerForm, Route } from "./routes/route.ts";

const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: "what is wrong, in one line" }),
    hint: Type.Optional(Type.String({ description: "what can be done about it" })),
    code: Type.String({ enum: Object.keys(errorTable).sort(), description: "stable" }),
    pointer: Type.Optional(Type.String({ description: "what of the request is wrong, as a JSON pointer" })),
    instance: Type.Optional(Type.String({ description: "the path that was asked for" })),
  },
  { description: "RFC 9457" },
);

const problem = {
  description: "an error of the table in `code`",
  content: { [PROBLEM_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** The description of the API as OpenAPI 3.1, derived from its routes. */
export const openApi = (routes: readonly Route[], version: string): object => {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route);
  return {
    openapi: "3.1.0",
    info: {
      title: "velos",
      version,
      description:
        "Applications as clusters of instances, kept running by systemd. Changes as they happen: the WebSocket at /ws, whose messages /ws.schema.json describes.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }, {}],
    paths,
    components: {
      schemas: { Problem: ProblemSchema },
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "api_token or a line of api_token_file" },
      },
    },
  };
};

const operation = (route: Route): object => ({
  operationId: route.id,
  summary: route.summary,
  ...(route.description !== undefined && { description: route.description }),
  ...(route.access === "open" ? { security: [] } : { "x-scope": route.access }),
  parameters: [
    ...[...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: "path",
      required: true,
      description: "an app or an instance: api, api:2",
      schema: { type: "string", minLength: 1, maxLength: 80 },
      example: "api",
    })),
    ...Object.entries((route.query?.properties ?? {}) as Record<string, TSchema & { description?: string }>).map(
      ([name, { description, ...schema }]) => ({
        name,
        in: "query",
        ...(description !== undefined && { description }),
        schema,
      }),
    ),
  ],
  ...(route.body && {
    requestBody: {
      required: route.bodyOptional !== true,
      content: {
        "application/json": {
          schema: route.body,
          ...(route.bodyExamples && {
            examples: Object.fromEntries(Object.entries(route.bodyExamples).map(([name, value]) => [name, { value }])),
          }),
        },
      },
    },
  }),
  responses: {
    ...Object.fromEntries(Object.entries(route.answers).map(([status, form]) => [status, answer(form)])),
    default: problem,
  },
});

const answer = ({ description, schema, type, headers }: AnswerForm): object => ({
  description,
  ...(headers && {
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, about]) => [name, { description: about, schema: { type: "string" } }]),
    ),
  }),
  ...((schema || type !== undefined) && {
    content: { [type ?? "application/json"]: { schema: schema ?? { type: "string" } } },
  }),
});
