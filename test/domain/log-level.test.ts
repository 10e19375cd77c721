import { expect, test } from "vitest";
import { isAtLeast, levelOf } from "../../src/domain/log-level.ts";

test.each([
  ["plain words", "info"],
  ["", "info"],
  ["0 errors found", "info"],
  ["handled error gracefully", "info"],
  ['{"level":60,"msg":"x"}', "fatal"],
  ['{"level":50,"msg":"x"}', "error"],
  ['{"level":40}', "warn"],
  ['{"level":30}', "info"],
  ['{"level":20}', "debug"],
  ['{"level":10}', "trace"],
  ['{"level":"error","message":"x"}', "error"],
  ['{"severity":"WARNING"}', "warn"],
  ['{"log.level":"debug"}', "debug"],
  ['{"msg":"no level"}', "info"],
  ["{ not json ERROR", "error"],
  ["2024-05-01 12:00:00 WARN slow", "warn"],
  ["2024-05-01T12:00:00Z [error] no route", "error"],
  ["time=12:00 level=debug msg=x", "debug"],
  ["error: cannot open", "error"],
  ["Warning: deprecated", "warn"],
  ["[INFO] listening", "info"],
  ["TypeError: x is not a function", "error"],
  ["Error: listen EADDRINUSE", "error"],
  ["Error [ERR_MODULE_NOT_FOUND]: bad", "error"],
  ["Uncaught ReferenceError", "error"],
  ["Traceback (most recent call last):", "error"],
  ["panic: runtime error", "fatal"],
  ["(node:12) ExperimentalWarning: x", "warn"],
  ["CRITICAL disk", "fatal"],
  [`${"x".repeat(200)} ERROR`, "info"],
])("%j is %s", (message, level) => {
  expect(levelOf(message)).toEqual({ level, message });
});

test("a prefix is taken off, and outweighs text and priority", () => {
  expect(levelOf("<3>all is INFO", 6)).toEqual({ level: "error", message: "all is INFO" });
  expect(levelOf("<0>x").level).toBe("fatal");
  expect(levelOf("<7>x").level).toBe("debug");
  expect(levelOf("<8>x")).toEqual({ level: "info", message: "<8>x" });
});

test("a priority other than 6 outweighs the text; 6 says nothing", () => {
  expect(levelOf("INFO x", 3).level).toBe("error");
  expect(levelOf("ERROR x", 6).level).toBe("error");
  expect(levelOf("x", 5).level).toBe("info");
});

test("at least as severe", () => {
  expect(isAtLeast("error", "warn")).toBe(true);
  expect(isAtLeast("warn", "warn")).toBe(true);
  expect(isAtLeast("info", "warn")).toBe(false);
});
