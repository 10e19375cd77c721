import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { logLevels } from "../../src/domain/log-level.ts";
import type { SummaryLine } from "../../src/mcp/log-summary.ts";
import { patternOf, summarize } from "../../src/mcp/log-summary.ts";

const line = (message: string, more: Partial<SummaryLine> = {}): SummaryLine => ({
  at: 1_700_000_000_000_000,
  app: "api",
  index: 0,
  level: "info",
  message,
  ...more,
});

test.each([
  ["GET /users/17 200 in 3.5 ms", "GET /users/<n> <n> in <n> ms"],
  ["2024-05-01T12:00:00.123Z started", "<time> started"],
  ["connect 10.0.0.7:5432 refused", "connect <ip> refused"],
  ["order 3f2b8c1e-0a1b-4c2d-8e3f-aabbccddeeff failed", "order <id> failed"],
  ["no file 'a.txt' in \"b c\"", "no file <text> in <text>"],
  ["it's what isn't there", "it's what isn't there"],
  ["worker_2 added a facade", "worker_2 added a facade"],
  ['{"level":50,"time":1,"pid":7,"msg":"no route 9"}', "no route <n>"],
  ["{broken json 5", "{broken json <n>"],
])("the pattern of %j is %j", (message, pattern) => {
  expect(patternOf(message)).toBe(pattern);
});

describe("a summary", () => {
  it("has the most severe first, then the most frequent", () => {
    const summary = summarize([
      line("took 3 ms", { at: 1e15 }),
      line("took 4 ms", { at: 3e15, index: 2 }),
      line("hello"),
      line("no route to 10.0.0.1", { level: "error", index: -1 }),
    ]);
    expect(summary.levels).toEqual({ info: 3, error: 1 });
    expect(summary.groups).toMatchObject([
      { level: "error", count: 1, instances: ["api"] },
      {
        count: 2,
        pattern: "took <n> ms",
        latest: "took 4 ms",
        instances: ["api:0", "api:2"],
        last: "2065-01-24T05:20:00.000Z",
      },
      { count: 1, pattern: "hello" },
    ]);
    expect(summary.from).toBe("2001-09-09T01:46:40.000Z");
  });

  it("of nothing is empty", () => {
    expect(summarize([])).toEqual({ lines: 0, levels: {}, groups: [] });
  });

  const lines = fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 4e15 }),
      app: fc.constantFrom("api", "web"),
      index: fc.integer({ min: -1, max: 20 }),
      level: fc.constantFrom(...logLevels),
      message: fc.oneof(
        fc.string(),
        fc.integer().map((number) => `took ${number} ms`),
      ),
    }),
  );
  it("loses no line, and does not depend on the order", () => {
    fc.assert(
      fc.property(lines, fc.integer({ min: 1, max: 10 }), (some, most) => {
        const summary = summarize(some, most);
        const counted = summary.groups.reduce((sum, { count }) => sum + count, 0) + (summary.more?.lines ?? 0);
        expect(counted).toBe(some.length);
        expect(summary.groups.length).toBeLessThanOrEqual(most);
        const counts = ({ groups }: typeof summary) => groups.map(({ level, count }) => [level, count]);
        expect(counts(summarize([...some].reverse(), most))).toEqual(counts(summary));
      }),
    );
  });
});
