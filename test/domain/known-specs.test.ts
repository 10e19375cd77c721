import { describe, expect, test } from "vitest";
import type { AppSpec } from "../../src/domain/app.ts";
import { fingerprint } from "../../src/domain/app.ts";
import { beginRestart, beginUpdate, finishRollout, stopRollout } from "../../src/domain/begin-rollout.ts";
import { resumed, stopped } from "../../src/domain/intent.ts";
import { knownSpecs, onSpecs, provenSpec, specOfInstance } from "../../src/domain/known-specs.ts";
import type { AppRecord } from "../../src/domain/record.ts";
import { expectGood, live } from "./story.ts";
import type { Happening, Story } from "./story.ts";
import { onlineOf, recordOf, rolloutOf, specOf } from "./spec.ts";

const [a, b, c, d] = ["a", "b", "c", "d"].map((arg) => specOf({ args: [arg] })) as [AppSpec, AppSpec, AppSpec, AppSpec];
const stamp = { id: "r", at: 0 };
const two = [0, 1].map((index) => onlineOf(index, fingerprint(a)));
const updated = (record: AppRecord, ...specs: AppSpec[]): AppRecord =>
  specs.reduce((next, spec) => beginUpdate(next, spec, two, stamp), record);
const specsOf = ({ spec, previous, overtaken }: AppRecord) => ({ spec, previous, overtaken });

describe("what an update overtakes stays known", () => {
  const before = recordOf(2, { spec: a });

  test("one that is done, or never began, is not overtaken", () => {
    expect(specsOf(updated(before, b))).toEqual({ spec: b, previous: a });
    expect(specsOf(updated(finishRollout(updated(before, b), rolloutOf("update", 2), 0), c))).toEqual({
      spec: c,
      previous: b,
      overtaken: [a],
    });
  });

  test("each of several", () => {
    expect(specsOf(updated(before, b, c))).toEqual({ spec: c, previous: a, overtaken: [b] });
    expect(specsOf(updated(before, b, c, d))).toEqual({ spec: d, previous: a, overtaken: [c, b] });
  });

  test("once, and not where it is wanted again", () => {
    expect(specsOf(updated(before, b, c, b))).toEqual({ spec: b, previous: a, overtaken: [c] });
    expect(specsOf(updated(before, b, a))).toEqual({ spec: a, overtaken: [b] });
    expect(specsOf(updated(before, b, c, b, c, a))).toEqual({ spec: a, overtaken: [c, b] });
  });

  test("also where it is taken back, and where it stopped", () => {
    const record = updated(before, b, c);
    const failure = { index: 1, why: "exit code 1" };
    expect(specsOf(stopRollout(record, record.rollout!, failure, two, 0))).toEqual({ spec: a, overtaken: [c, b] });
    const stalled = stopRollout(
      { ...record, spec: specOf({ ...c, rollout: { onFailure: "stop" } }) },
      record.rollout!,
      failure,
      two,
      0,
    );
    expect(specsOf(updated(stalled, d))).toEqual({ spec: d, previous: a, overtaken: [stalled.spec, b] });
  });

  test("also where the app is stopped; and a rollout to the spec that it has changes none of them", () => {
    const record = onSpecs({ ...finishRollout(updated(before, b), rolloutOf("update", 2), 0), running: false }, c, b);
    expect(specsOf(record)).toEqual({ spec: c, previous: b, overtaken: [a] });
    const gathered = beginUpdate(
      { ...record, running: true, rollout: rolloutOf("update", 2, { status: "superseded" }) },
      c,
      two,
      stamp,
    );
    expect(specsOf(gathered)).toEqual({ spec: c, previous: b, overtaken: [a] });
  });
});

describe("the spec to return to", () => {
  const failure = { index: 1, why: "exit code 1" };
  const before = recordOf(2, { spec: a });
  const stopping = specOf({ args: ["stopping"], rollout: { onFailure: "stop" } });
  const conclude = (record: AppRecord): AppRecord => stopRollout(record, record.rollout!, failure, two, 0);
  const stalled = conclude(updated(before, stopping));

  test("is not one at which a rollout has stopped, whatever comes after", () => {
    expect(stalled).toMatchObject({ spec: stopping, previous: a, rollout: { status: "stalled" } });
    const reloaded = conclude(beginRestart(stalled, two, "reload", "manual", stamp));
    for (const record of [stalled, stopped(stalled, undefined, 0), reloaded, conclude(updated(stalled, c, stopping))]) {
      expect(provenSpec(record)).toEqual(a);
      expect(updated(record, d)).toMatchObject({ spec: d, previous: a });
      expect(specsOf(conclude(updated(record, d)))).toMatchObject({ spec: a });
    }
  });

  test("is the one that was returned to, also before all are back on it", () => {
    const undone = updated(stalled, a);
    expect(undone).not.toHaveProperty("unproven");
    expect(undone).not.toHaveProperty("previous");
    const reverting = conclude(updated(before, b));
    expect(reverting).toMatchObject({ spec: a, rollout: { kind: "revert", status: "running" } });
    for (const record of [undone, reverting]) expect(updated(record, c)).toMatchObject({ spec: c, previous: a });
  });

  test("is one that all are on after all, or by which somebody stood", () => {
    const resumedRollout = finishRollout(stalled, stalled.rollout!, 0);
    const startedAgain = resumed(stopped(stalled, undefined, 0), new Set());
    for (const record of [resumedRollout, startedAgain])
      expect(updated(record, d)).toMatchObject({ spec: d, previous: stopping });
    expect(provenSpec(resumed(stalled, new Set([0])))).toEqual(a);
  });

  test("stays what it was where the app is rolled to the spec that it has", () => {
    expect(updated(stalled, stopping)).toMatchObject({ spec: stopping, previous: a, unproven: true });
    expect(updated(before, a)).not.toHaveProperty("unproven");
  });
});

test("the spec of an instance is that of its fingerprint", () => {
  const record = recordOf(2, { spec: a, previous: b, overtaken: [c] });
  expect(knownSpecs(record)).toEqual([a, b, c]);
  for (const spec of [a, b, c]) expect(specOfInstance(record, onlineOf(0, fingerprint(spec)))).toBe(spec);
  expect(specOfInstance(record, onlineOf(0, fingerprint(d)))).toBeUndefined();
  expect(knownSpecs({ spec: a })).toEqual([a]);
});

describe("velosd dies when updates have overtaken each other, and what has not passed its check yet does not serve", () => {
  const update = (health: boolean): Happening => ({ does: "update", quality: "good", health });
  const death: Happening = { does: "kill-velosd", downMs: 0, arrives: false };
  const story: Story = {
    seed: 0,
    instances: 1,
    pace: { bootMs: 1, stopMs: 0, latencyMs: 0, healthMs: 600 },
    messy: false,
    health: false,
    spec: { waitReady: false, listen: [], minUptimeMs: 300, listenTimeoutMs: 8000, autorestart: true },
    rollout: { surge: 2, minReadyMs: 0, deadlineMs: 6000, onFailure: "revert" },
    happenings: [],
  };

  test.each([1, 2, 3])("%i of them", (updates) => {
    // The first brings up the extra instances, which live through its health check when the others come.
    const rest = Array.from({ length: updates }, (_, place) => ({
      afterMs: place === 0 ? 691 : 0,
      happening: update(false),
    }));
    const happenings = [{ afterMs: 5000, happening: update(true) }, ...rest, { afterMs: 0, happening: death }];
    const ending = live({ ...story, happenings });
    expectGood(ending);
    expect(ending.record).toMatchObject({ rollout: { status: "done" } });
    expect(ending.record).not.toHaveProperty("overtaken");
  });
});
