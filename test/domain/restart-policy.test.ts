import { expect, test } from "vitest";
import { restartDelay, shouldRestart } from "../../src/domain/restart-policy.ts";
import { makeSpec } from "../backend/programs.ts";

const spec = makeSpec("api", ["node"], { stopExitCodes: [0, 3], restartDelayMs: 100 });

test("restarted unless autorestart is off or the code is one of stop_exit_codes", () => {
  expect(shouldRestart(spec, { at: 0, code: 1 })).toBe(true);
  expect(shouldRestart(spec, { at: 0, code: 3 })).toBe(false);
  expect(shouldRestart(spec, { at: 0, signal: "SIGKILL" })).toBe(true);
  expect(shouldRestart(spec, { at: 0 })).toBe(true);
  expect(shouldRestart({ ...spec, autorestart: false }, { at: 0, code: 1 })).toBe(false);
});

test("the delay is fixed, or doubles from run to run up to 15 s", () => {
  expect([0, 1, 5].map((runs) => restartDelay(spec, runs))).toEqual([100, 100, 100]);
  const doubling = { ...spec, expBackoffRestartDelayMs: 200 };
  expect([0, 1, 2, 3, 7, 8, 1000].map((runs) => restartDelay(doubling, runs))).toEqual([
    200, 200, 400, 800, 12_800, 15_000, 15_000,
  ]);
});
