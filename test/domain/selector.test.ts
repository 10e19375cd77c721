import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matchesGlob, parseSelector, resolveSelectors } from "../../src/domain/selector.ts";

const resolve = (texts: string[], names: string[]) => resolveSelectors(texts.map(parseSelector), names);

test.each([
  ["all", { kind: "all" }],
  ["api", { kind: "app", app: "api" }],
  ["api-web", { kind: "app", app: "api-web" }],
  ["api:2", { kind: "instance", app: "api", index: 2 }],
  ["api:007", { kind: "instance", app: "api", index: 7 }],
  ["api*", { kind: "glob", pattern: "api*" }],
  ["?", { kind: "glob", pattern: "?" }],
])("%s selects", (text, selector) => expect(parseSelector(text)).toEqual(selector));

test.each([
  "",
  "api:",
  ":2",
  "api:-1",
  "api:1.5",
  "api:two",
  "api:10000",
  "all:2",
  "api*:2",
  "a b",
  "a/*",
  "api:2:3",
  "-n",
  "[ab]",
])("%j is no selector", (text) =>
  expect(() => parseSelector(text)).toThrow(expect.objectContaining({ code: "SELECTOR_INVALID", exitCode: 2 })),
);

describe("a pattern", () => {
  test.each([
    ["api*", "api", true],
    ["api*", "api-web", true],
    ["api*", "my-api", false],
    ["*api*", "my-api", true],
    ["a?i", "api", true],
    ["a?i", "ai", false],
    ["a.i", "api", false],
    ["a*b*c", "axxbxxbxc", true],
    ["a*b*c", "axxbxxbx", false],
    ["*", "anything", true],
  ])("%s, %s: %s", (pattern, name, matches) => expect(matchesGlob(pattern, name)).toBe(matches));

  test("matches as a regular expression would", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", ".", "-"), maxLength: 12 });
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", ".", "-", "*", "?"), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (glob, name) => {
        const escaped = glob.replace(/[.-]/g, "\\$&").replace(/\*+/g, ".*").replace(/\?/g, ".");
        expect(matchesGlob(glob, name)).toBe(new RegExp(`^${escaped}$`).test(name));
      }),
      { numRuns: 1000 },
    );
  });

  test("of many stars keeps nobody waiting", () => {
    const began = performance.now();
    expect(matchesGlob(`${"*a".repeat(500)}b`, "a".repeat(64))).toBe(false);
    expect(performance.now() - began).toBeLessThan(100);
  });
});

describe("selectors resolve", () => {
  const names = ["api", "api-web", "worker"];

  test("in the order of the apps, each once", () => {
    expect(resolve(["worker", "api", "worker"], names)).toEqual([{ app: "api" }, { app: "worker" }]);
  });
  test("a pattern to all that match", () =>
    expect(resolve(["api*"], names)).toEqual([{ app: "api" }, { app: "api-web" }]));
  test("`all` to everything, also to nothing", () => {
    expect(resolve(["all"], names)).toHaveLength(3);
    expect(resolve(["all"], [])).toEqual([]);
  });
  test("single instances in order, each once", () => {
    expect(resolve(["api:10", "api:2", "api:2"], names)).toEqual([
      { app: "api", index: 2 },
      { app: "api", index: 10 },
    ]);
  });
  test("an app covers its single instances", () => expect(resolve(["api:2", "api"], names)).toEqual([{ app: "api" }]));
  test.each(["db", "db:1", "db*"])("%s to an error when there is no such app", (text) => {
    expect(() => resolve([text], names)).toThrow(expect.objectContaining({ code: "APP_NOT_FOUND", exitCode: 3 }));
  });
});
