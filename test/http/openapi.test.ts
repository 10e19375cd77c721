import { Validator } from "@seriousme/openapi-schema-validator";
import type { TSchema } from "typebox";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { ClientMessageSchema, PushMessageSchema } from "../../src/api/push-messages.ts";
import { operations } from "../../src/api/operations.ts";
import { apiRoutes } from "../../src/http/build.ts";
import { openApi } from "../../src/http/openapi.ts";

const routes = apiRoutes({} as never, {} as never);
const document = JSON.parse(JSON.stringify(openApi(routes, "1.2.3"))) as {
  paths: Record<string, Record<string, { operationId: string; responses: object; summary: string }>>;
};

describe("the description of the API", () => {
  it("is OpenAPI 3.1, as a validator of others has it", async () => {
    const { valid, errors } = await new Validator().validate(document);
    expect(errors, JSON.stringify(errors)?.slice(0, 2000)).toBeUndefined();
    expect(valid).toBe(true);
  });

  it("has each route once, with a name, a summary and an answer", () => {
    const all = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    expect(all).toHaveLength(routes.length);
    expect(new Set(all.map(({ operationId }) => operationId)).size).toBe(all.length);
    for (const { summary, responses } of all) {
      expect(summary).toMatch(/^[A-Z]/);
      expect(Object.keys(responses).length).toBeGreaterThan(1);
    }
  });

  it("has a route for each operation, but for those that are of velosd alone", () => {
    const served = new Set(routes.map(({ id }) => id));
    const left = Object.keys(operations).filter((name) => !served.has(name));
    expect(left.sort()).toEqual(["doctor", "live", "logs", "ping", "shutdown", "watch"]);
  });
});

describe("the messages of the WebSocket", () => {
  const ajv = new Ajv2020({ strict: false });

  it.each([
    ["server", PushMessageSchema],
    ["client", ClientMessageSchema],
  ] as const)("of the %s have examples that are valid, for a validator of others too", (_, schema) => {
    const kinds = (JSON.parse(JSON.stringify(schema)) as { anyOf: (TSchema & { examples?: unknown[] })[] }).anyOf;
    for (const kind of kinds) {
      const validate = ajv.compile(kind);
      expect(kind.examples?.length).toBeGreaterThan(0);
      for (const example of kind.examples ?? []) {
        expect(validate(example), JSON.stringify([example, validate.errors])).toBe(true);
      }
    }
  });
});
