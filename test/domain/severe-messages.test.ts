import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAtLeast, levelOf, logLevels } from "../../src/domain/log-level.ts";
import { severeMessages } from "../../src/domain/severe-messages.ts";

const words = [
  "error",
  "ERR",
  "warn",
  "Warning",
  "FATAL",
  "panic",
  "crit",
  "severe",
  "alert",
  "emerg",
  "info",
  "notice",
];
const failures = ["TypeError: x", "Error [E_X]: y", "Uncaught z", "Unhandled", "Traceback (most recent call last):"];
const keys = fc.constantFrom("level", "severity", "log.level", "lvl", "levelname", "msg");

const line = fc.oneof(
  fc.string(),
  fc
    .tuple(fc.string({ maxLength: 10 }), fc.constantFrom(...words), fc.constantFrom(":", "]", " ", "="), fc.string())
    .map(([before, word, mark, after]) => `${before}${mark === "]" ? "[" : ""}${word}${mark}${after}`),
  fc.tuple(fc.constantFrom("level=", "severity: ", "lvl="), fc.constantFrom(...words)).map((parts) => parts.join("")),
  fc
    .tuple(keys, fc.oneof(fc.integer({ min: -100, max: 2000 }), fc.double(), fc.constantFrom(...words)))
    .map(([key, value]) => JSON.stringify({ time: 1, [key]: value, text: "x" })),
  fc.tuple(keys, fc.integer({ min: 0, max: 99 })).map(([key, value]) => `{"${key}" : ${value}}`),
  fc.tuple(fc.integer({ min: 0, max: 9 }), fc.string()).map(([priority, text]) => `<${priority}>${text}`),
  fc.constantFrom(...failures, "(node:12) MaxListenersExceededWarning"),
);

describe("the pattern for severe messages", () => {
  for (const least of logLevels) {
    const pattern = severeMessages(least);
    if (pattern === undefined) continue;
    it(`is matched by every message that is at least ${least}`, () => {
      const found = new RegExp(pattern, "i");
      fc.assert(
        fc.property(line, (message) => {
          if (isAtLeast(levelOf(message).level, least)) expect(message).toMatch(found);
        }),
        { numRuns: 5000 },
      );
    });
  }

  it("is there for levels that few messages have, and leaves most others out", () => {
    expect(logLevels.filter((level) => severeMessages(level) !== undefined)).toEqual(["fatal", "error", "warn"]);
    const found = new RegExp(severeMessages("error")!, "i");
    expect('{"level":30,"time":1795419426152,"msg":"request completed","responseTime":12}').not.toMatch(found);
    expect("GET /items/42 200 12 ms").not.toMatch(found);
  });
});
