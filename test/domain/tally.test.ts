import { expect, it } from "vitest";
import { newTrack, trackRun } from "../../src/domain/crash-track.ts";
import type { ObservedInstance } from "../../src/domain/instance.ts";
import { newInstanceTally, tallied } from "../../src/domain/tally.ts";

const seen = (run: string, restarts: number, more: Partial<ObservedInstance> = {}): ObservedInstance => ({
  index: 0,
  status: "online",
  unit: "velos-api@0.service",
  fingerprint: "f",
  run,
  restarts,
  ...more,
});
const exit = { at: 5, ranMs: 5, signal: "SIGKILL", result: "signal" };

/** The tally after looks at these. */
const look = (instances: readonly ObservedInstance[]) => {
  let [track, tally] = [newTrack(), newInstanceTally()];
  for (const instance of instances) {
    const after = trackRun(track, instance, 1000);
    tally = tallied(tally, track, after, "manual", false);
    track = after;
  }
  return tally;
};

it("counts an end once, whether it is seen before the next run or with it", () => {
  const once = { restarts: { crash: 1 }, exits: { signal: 1 } };
  expect(look([seen("a", 0), seen("a", 0, { status: "waiting", exit }), seen("b", 1, { exit })])).toEqual(once);
  expect(look([seen("a", 0), seen("b", 1, { exit })])).toEqual(once);
});

it("counts an end that nobody saw as an error, or like the one before", () => {
  expect(look([seen("a", 0), seen("b", 1)])).toEqual({ restarts: { crash: 1 }, exits: { error: 1 } });
  expect(look([seen("a", 0), seen("b", 1, { exit }), seen("c", 2, { exit })])).toEqual({
    restarts: { crash: 2 },
    exits: { signal: 2 },
  });
});

it("counts no end of an instance that was not known, nor of a run that was replaced by hand", () => {
  expect(look([seen("a", 3)])).toEqual({ restarts: {}, exits: {} });
  expect(look([seen("a", 0), seen("b", 0)])).toEqual({ restarts: { manual: 1 }, exits: {} });
});
