import { describe, expect, test } from "vitest";
import type { AppSpec } from "../../src/domain/app.ts";
import { fingerprint } from "../../src/domain/app.ts";
import { beginUpdate, stopRollout } from "../../src/domain/begin-rollout.ts";
import { knownSpecs, onSpecs, specOfInstance } from "../../src/domain/known-specs.ts";
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
    const done = { ...updated(before, b), rollout: rolloutOf("update", 2, { status: "done" as const }) };
    expect(specsOf(updated(done, c))).toEqual({ spec: c, previous: b, overtaken: [a] });
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
    expect(specsOf(updated(stalled, d))).toEqual({ spec: d, previous: stalled.spec, overtaken: [a, b] });
  });

  test("also where the app is stopped; and a rollout to the spec that it has changes none of them", () => {
    const record = onSpecs({ ...updated(before, b), running: false }, c, b);
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
