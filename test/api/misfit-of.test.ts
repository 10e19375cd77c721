import Type from "typebox";
import { expect, test } from "vitest";
import { misfitOf } from "../../src/api/misfit-of.ts";
import { operations } from "../../src/api/operations.ts";
import { AppSpecSchema, LogLevelSchema } from "../../src/api/schemas.ts";
import { specOf } from "../domain/spec.ts";

const Level = Type.Object({ level: LogLevelSchema });

test.each([
  [Level, { level: "eror" }, "/level", 'must be one of "fatal", "error", "warn", "info", "debug", "trace"'],
  [Level, {}, "", "must have required properties level"],
  [operations.scale.params, { app: "api", instances: {} }, "/instances", "must be "],
  [operations.stop.params, { selectors: ["api", 5] }, "/selectors/1", "must be string"],
])("%o refuses %j at %j", (schema, value, pointer, why) => {
  const misfit = misfitOf(schema, value);
  expect(misfit?.pointer).toBe(pointer);
  expect(misfit?.why).toContain(why);
});

test.each(["api", "a", "api-web", "x".repeat(64)])("a new app may be called %s", (name) => {
  expect(misfitOf(AppSpecSchema, specOf({ name }))).toBeUndefined();
});

test.each(["api-", "-", "-api", "x".repeat(65), "a b", ""])("a new app may not be called %j", (name) => {
  expect(misfitOf(AppSpecSchema, specOf({ name }))?.pointer).toBe("/name");
});

test("what fits is no misfit", () => {
  expect(misfitOf(Level, { level: "warn" })).toBeUndefined();
});
