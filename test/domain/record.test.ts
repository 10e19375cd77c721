import { expect, test } from "vitest";
import { describeExit } from "../../src/domain/instance.ts";
import { isWanted, wantedIndexes } from "../../src/domain/record.ts";
import { recordOf } from "./spec.ts";

test("all instances of a running app are wanted, but those that are held", () => {
  expect(wantedIndexes(recordOf(3))).toEqual([0, 1, 2]);
  expect(wantedIndexes(recordOf(3, { holds: { 1: { why: "command", at: 0 } } }))).toEqual([0, 2]);
});

test("none of a stopped or leaving app, and none beyond its number", () => {
  expect(wantedIndexes(recordOf(3, { running: false }))).toEqual([]);
  expect(wantedIndexes(recordOf(3, { deleting: true }))).toEqual([]);
  expect(isWanted(recordOf(3), 3)).toBe(false);
});

test.each([
  [{ code: 1 }, "exit code 1"],
  [{ code: 0 }, "exit code 0"],
  [{ signal: "SIGKILL" }, "killed by SIGKILL"],
  [{ signal: "SIGKILL", result: "oom-kill" }, "out of memory"],
  [{ signal: "SIGKILL", result: "timeout" }, "timed out"],
  [{ code: 203, result: "exit-code" }, "exit code 203 (the program could not be executed)"],
  [{ result: "resources" }, "resources"],
  [{}, "exit code unknown"],
])("an exit %j reads: %s", (exit, text) => expect(describeExit({ at: 0, ...exit })).toBe(text));
