import { describe, expect, test } from "vitest";
import { absorb } from "../../src/domain/absorb.ts";
import type { AppSpec } from "../../src/domain/app.ts";
import { fingerprint } from "../../src/domain/app.ts";
import type { CrashTrack } from "../../src/domain/crash-track.ts";
import { newTrack } from "../../src/domain/crash-track.ts";
import type { ObservedInstance } from "../../src/domain/instance.ts";
import type { Pending } from "../../src/domain/plan.ts";
import type { AppRecord } from "../../src/domain/record.ts";
import { onlineOf, recordOf, rolloutOf, specOf } from "./spec.ts";

const NOW = 200_000;
const created = { epoch: "life", indexes: [0, 1] };
const up = (index: number, changes: Partial<ObservedInstance> = {}) => onlineOf(index, "print", changes);
const absorbed = (
  record: AppRecord,
  instances: ObservedInstance[],
  { pending = new Map() as Pending, tracks = new Map<number, CrashTrack>(), epoch = "life" } = {},
) => absorb(record, instances, pending, tracks, epoch, NOW);

test("an app that is as it was gives the same record", () => {
  const record = recordOf(2, { created });
  expect(absorbed(record, [up(0), up(1)])).toBe(record);
});

describe("an overtaken spec", () => {
  const [first, second] = [specOf({ args: ["1"] }), specOf({ args: ["2"] })];
  const on = (index: number, spec: AppSpec) => up(index, { fingerprint: fingerprint(spec) });
  const record = recordOf(2, { created, overtaken: [first, second] });

  test("is known while an instance is on it, and forgotten then", () => {
    const both = [on(0, second), on(1, first)];
    expect(absorbed(record, both)).toBe(record);
    expect(absorbed(record, [on(0, second), on(1, record.spec)])).toEqual({ ...record, overtaken: [second] });
    expect(absorbed(record, [on(0, record.spec), on(1, record.spec)])).toStrictEqual(recordOf(2, { created }));
    // Also together with what else is learned.
    expect(absorbed(record, [on(0, second)])).toMatchObject({ overtaken: [second], holds: { 1: { why: "operator" } } });
  });

  test("is known while an instance that is being started and not seen yet may be on it", () => {
    const there = [on(0, record.spec)];
    expect(absorbed(record, there, { pending: new Map([[1, "start"]]) })).toBe(record);
    const none = absorbed(record, [...there, on(1, record.spec)], { pending: new Map([[1, "start"]]) });
    expect(none).not.toHaveProperty("overtaken");
  });
});

describe("a wanted instance that was up and is gone", () => {
  const record = recordOf(2, { created });

  test("was stopped by an operator", () => {
    expect(absorbed(record, [up(0)])).toMatchObject({
      holds: { 1: { why: "operator", at: NOW } },
      created: { indexes: [0] },
    });
  });

  test("or has ended, where it is not to be restarted", () => {
    const tracks = new Map([[1, { ...newTrack(), exit: { at: 1, code: 0 } }]]);
    const stopping = { ...record, spec: specOf({ stopExitCodes: [0] }) };
    expect(absorbed(stopping, [up(0)], { tracks }).holds).toMatchObject({ 1: { why: "exited", exit: { code: 0 } } });
    expect(absorbed({ ...record, spec: specOf({ autorestart: false }) }, [up(0)]).holds).toMatchObject({
      1: { why: "exited" },
    });
  });

  test("is to be started again after a reboot", () => {
    expect(absorbed(record, [], { epoch: "another life" })).toMatchObject({
      holds: {},
      created: { epoch: "another life", indexes: [] },
    });
  });

  test("is being replaced, while a rollout is about it", () => {
    expect(absorbed({ ...record, rollout: rolloutOf("update", 2) }, [up(0)]).holds).toEqual({});
  });

  test("was stopped by velos itself, when it was on its way down and is wanted again: scale 2, scale 1, scale 2", () => {
    const meanwhile = absorbed(record, [up(0), up(1, { status: "stopping" })], { pending: new Map([[1, "stop"]]) });
    expect(absorbed(meanwhile, [up(0)]).holds).toEqual({});
  });

  test("and so it was when velosd has died since", () => {
    const meanwhile = absorbed({ ...record, instances: 1 }, [up(0), up(1, { status: "stopping" })]);
    expect(absorbed({ ...meanwhile, instances: 2 }, [up(0)]).holds).toEqual({});
  });
});

test("a held instance that came up again by hand is held no longer, unless velos was told to hold it", () => {
  const held = (why: "operator" | "command") => recordOf(1, { holds: { 0: { why, at: 100 } } });
  expect(absorbed(held("operator"), [up(0, { startedAt: 101 })])).toMatchObject({
    holds: {},
    created: { indexes: [0] },
  });
  expect(absorbed(held("operator"), [up(0, { startedAt: 99 })]).holds).toHaveProperty("0");
  expect(absorbed(held("command"), [up(0, { startedAt: 101 })]).holds).toHaveProperty("0");
});

test("a dead one that was up has failed", () => {
  const dead = up(1, { status: "errored", exit: { at: 1, code: 3 } });
  expect(absorbed(recordOf(2, { created }), [up(0), dead]).holds).toEqual({
    1: { why: "failed", at: NOW, exit: { at: 1, code: 3 } },
  });
});

describe("one that crashes again and again", () => {
  const tracks = new Map([[0, { ...newTrack(), run: "old-0", shortRuns: 16 }]]);
  const looping = [up(0, { status: "waiting", restarts: 16 })];

  test("is given up", () =>
    expect(absorbed(recordOf(1), looping, { tracks }).holds).toMatchObject({ 0: { why: "gave-up" } }));

  test("is given up during a plain restart too, which would never end otherwise", () => {
    expect(absorbed(recordOf(1, { rollout: rolloutOf("restart", 1) }), looping, { tracks }).holds).toMatchObject({
      0: { why: "gave-up" },
    });
  });

  test("is left to a gated rollout, which replaces it or stops at it", () => {
    expect(absorbed(recordOf(1, { rollout: rolloutOf("update", 1) }), looping, { tracks }).holds).toEqual({});
  });
});
