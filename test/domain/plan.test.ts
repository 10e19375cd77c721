import { describe, expect, test } from "vitest";
import { fingerprint } from "../../src/domain/app.ts";
import { beginRestart } from "../../src/domain/begin-rollout.ts";
import type { ObservedInstance } from "../../src/domain/instance.ts";
import type { Action, Observed } from "../../src/domain/plan.ts";
import { plan } from "../../src/domain/plan.ts";
import type { AppRecord } from "../../src/domain/record.ts";
import { onlineOf, recordOf, rolloutOf, specOf } from "./spec.ts";

// A reload or update began at 100 s, and it is now 200 s. Apps say themselves when they are ready, unless a case is
// about those that do not; so the pause is 0.
const NOW = 200_000;
const spec = specOf({ waitReady: true });
const print = fingerprint(spec);
const before = specOf({ waitReady: true, args: ["/srv/before.js"] });
const oldPrint = fingerprint(before);

const old = (index: number, changes: Partial<ObservedInstance> = {}) => onlineOf(index, oldPrint, changes);
/** An instance that the rollout brought up, at 150 s. */
const fresh = (index: number, changes: Partial<ObservedInstance> = {}) =>
  onlineOf(index, print, { run: `new-${index}`, startedAt: 149_000, onlineAt: 150_000, ...changes });
const seen = (instances: ObservedInstance[], more: Partial<Observed> = {}): Observed => ({
  instances,
  pending: new Map(),
  refused: new Map(),
  ...more,
});
const pending = (entries: Record<number, Action["type"]>): Partial<Observed> => ({
  pending: new Map(Object.entries(entries).map(([index, type]) => [Number(index), type])),
});
const running = (instances: number, changes: Partial<AppRecord> = {}) => recordOf(instances, { spec, ...changes });
const updating = (
  instances: number,
  rollout: Parameters<typeof specOf>[0] = {},
  changes: Parameters<typeof rolloutOf>[2] = {},
) =>
  running(instances, {
    spec: { ...spec, rollout: specOf(rollout).rollout },
    previous: before,
    rollout: rolloutOf("update", instances, changes),
  });
const start = (index: number): Action => ({ type: "start", index });
const stop = (index: number): Action => ({ type: "stop", index });
const restart = (index: number): Action => ({ type: "restart", index });
const clear = (index: number): Action => ({ type: "clear", index });

describe("without a rollout", () => {
  const up = [0, 1, 2, 3].map((index) => onlineOf(index, print));

  test("an app that is as desired is left alone", () =>
    expect(plan(running(4), seen(up), NOW)).toEqual({ actions: [] }));

  test("what is missing is started", () => {
    expect(plan(running(4), seen(up.slice(0, 2)), NOW)).toEqual({ actions: [start(2), start(3)] });
  });

  test("`scale api 2` stops 2 and 3", () =>
    expect(plan(running(2), seen(up), NOW)).toEqual({ actions: [stop(2), stop(3)] }));

  test("a stopped or a deleted app is stopped as a whole", () => {
    const all = { actions: [stop(0), stop(1), stop(2), stop(3)] };
    expect(plan(running(4, { running: false }), seen(up), NOW)).toEqual(all);
    expect(plan(running(4, { deleting: true }), seen(up), NOW)).toEqual(all);
  });

  test("a held instance is stopped, the others are not", () => {
    expect(plan(running(4, { holds: { 1: { why: "command", at: 0 } } }), seen(up), NOW)).toEqual({
      actions: [stop(1)],
    });
  });

  test("an instance on another spec is left alone: only a rollout replaces", () => {
    expect(plan(running(1), seen([old(0)]), NOW)).toEqual({ actions: [] });
  });

  test("one that waits for its restart or is coming up is left to the supervisor", () => {
    expect(plan(running(2), seen([fresh(0, { status: "waiting" }), fresh(1, { status: "starting" })]), NOW)).toEqual({
      actions: [],
    });
  });

  test("a dead unit on a wanted name is cleared away, then the instance is started", () => {
    expect(plan(running(1), seen([fresh(0, { status: "errored" })]), NOW)).toEqual({ actions: [clear(0)] });
    expect(plan(running(1), seen([]), NOW)).toEqual({ actions: [start(0)] });
  });

  test("a dead unit stays while it explains a hold, until the app is stopped", () => {
    const failed = { 0: { why: "failed" as const, at: 0 } };
    const dead = seen([fresh(0, { status: "errored" })]);
    expect(plan(running(1, { holds: failed }), dead, NOW)).toEqual({ actions: [] });
    expect(plan(running(1, { holds: failed, running: false }), dead, NOW)).toEqual({ actions: [clear(0)] });
    expect(plan(running(1, { holds: { 0: { why: "gave-up", at: 0 } } }), dead, NOW)).toEqual({ actions: [clear(0)] });
  });

  test("one that is on its way down is waited for, whether it is wanted or not", () => {
    const leaving = seen([fresh(0, { status: "stopping" })]);
    expect(plan(running(1), leaving, NOW)).toEqual({ actions: [] });
    expect(plan(running(1, { running: false }), leaving, NOW)).toEqual({ actions: [] });
  });

  test("what is pending is waited for", () => {
    expect(plan(running(1), seen([], pending({ 0: "start" })), NOW)).toEqual({ actions: [] });
    expect(plan(running(1, { running: false }), seen([fresh(0)], pending({ 0: "stop" })), NOW)).toEqual({
      actions: [],
    });
  });

  test("but a stop overtakes a start that may take long, once there is something to stop", () => {
    expect(
      plan(running(1, { running: false }), seen([fresh(0, { status: "starting" })], pending({ 0: "start" })), NOW),
    ).toEqual({ actions: [stop(0)] });
    expect(plan(running(1, { running: false }), seen([], pending({ 0: "start" })), NOW)).toEqual({ actions: [] });
  });

  test("a rollout that has ended decides nothing any more", () => {
    for (const status of ["done", "stalled", "reverted", "superseded"] as const) {
      expect(plan(updating(1, {}, { status }), seen([old(0)]), NOW)).toEqual({ actions: [] });
    }
  });
});

describe("a reload of four, one at a time", () => {
  const record = running(4, { rollout: rolloutOf("reload", 4) });
  const first = (index: number) => onlineOf(index, print);

  test("begins with the highest index", () => {
    expect(plan(record, seen([0, 1, 2, 3].map(first)), NOW)).toEqual({ actions: [restart(3)] });
  });

  test("waits while it is out, as long as the deadline allows", () => {
    const observed = seen([first(0), first(1), first(2), fresh(3, { status: "starting", startedAt: 190_000 })]);
    expect(plan(record, observed, NOW)).toEqual({ actions: [], lookAgainAt: 250_000 });
  });

  test("goes on when it is back", () => {
    expect(plan(record, seen([first(0), first(1), first(2), fresh(3)]), NOW)).toEqual({ actions: [restart(2)] });
  });

  test("is done when all are back", () => {
    expect(plan(record, seen([0, 1, 2, 3].map((index) => fresh(index))), NOW)).toEqual({
      actions: [],
      verdict: { status: "done" },
    });
  });

  test("is not done while the last restart has not been answered", () => {
    expect(
      plan(
        record,
        seen(
          [0, 1, 2, 3].map((index) => fresh(index)),
          pending({ 0: "restart" }),
        ),
        NOW,
      ),
    ).toEqual({ actions: [] });
  });

  test("takes an automatic restart before its turn for a replacement, not for a failure of its own", () => {
    const crashed = fresh(0, { restarts: 1, exit: { at: 148_900, signal: "SIGKILL", ranMs: 148_900 } });
    expect(plan(record, seen([crashed, first(1), first(2), fresh(3)]), NOW)).toEqual({ actions: [restart(2)] });
  });

  test("stops when an instance that it had restarted crashes", () => {
    const crashed = fresh(3, { restarts: 1, exit: { at: 148_900, code: 1, ranMs: 500 } });
    expect(plan(record, seen([first(0), first(1), first(2), crashed]), NOW)).toEqual({
      actions: [],
      verdict: { status: "stalled", failure: { index: 3, why: "exit code 1" } },
    });
  });
});

describe("an update", () => {
  test("stops an instance, and starts it on the new spec when it is gone", () => {
    expect(plan(updating(2), seen([old(0), old(1)]), NOW)).toEqual({ actions: [stop(1)] });
    expect(plan(updating(2), seen([old(0)]), NOW)).toEqual({ actions: [start(1)] });
  });

  test("counts min_ready from the moment an instance is ready", () => {
    const back = fresh(1, { onlineAt: NOW - 400 });
    expect(plan(updating(2, { rollout: { minReadyMs: 1000 } }), seen([old(0), back]), NOW)).toEqual({
      actions: [],
      lookAgainAt: NOW + 600,
    });
  });

  test("waits the pause after the last one that came back", () => {
    const settings = { rollout: { pauseMs: 60_000 } };
    expect(plan(updating(3, settings), seen([old(0), old(1), fresh(2)]), NOW)).toEqual({
      actions: [],
      lookAgainAt: 210_000,
    });
    expect(plan(updating(3, settings), seen([old(0), old(1), fresh(2)]), 210_000)).toEqual({ actions: [stop(1)] });
  });

  test("without a readiness signal an instance is back after min_uptime", () => {
    const silent = specOf({ minUptimeMs: 1000 });
    const record = running(1, { spec: silent, rollout: rolloutOf("update", 1) });
    const up = onlineOf(0, fingerprint(silent), { run: "new-0", onlineAt: NOW - 999 });
    expect(plan(record, seen([up]), NOW)).toEqual({ actions: [], lookAgainAt: NOW + 1 });
    expect(plan(record, seen([up]), NOW + 1).verdict).toEqual({ status: "done" });
  });

  test("max_unavailable 2 takes two at once", () => {
    expect(
      plan(updating(4, { rollout: { maxUnavailable: 2 } }), seen([0, 1, 2, 3].map((index) => old(index))), NOW).actions,
    ).toEqual([stop(3), stop(2)]);
  });

  test("one that does not serve goes first, and costs nothing", () => {
    const observed = seen([old(0, { status: "waiting" }), old(1), old(2), old(3)]);
    expect(plan(updating(4), observed, NOW).actions).toEqual([stop(0)]);
  });

  test("those that came up a moment ago serve, though they are not ready yet: they are not taken down together", () => {
    const silent = specOf({ minUptimeMs: 1000 });
    const record = running(2, { spec: silent, rollout: rolloutOf("reload", 2) });
    const young = [0, 1].map((index) => onlineOf(index, fingerprint(silent), { onlineAt: NOW - 300 }));
    expect(plan(record, seen(young), NOW)).toEqual({ actions: [], lookAgainAt: NOW + 700 });
    expect(plan(record, seen(young), NOW + 700)).toEqual({ actions: [restart(1)] });
  });

  test("an instance that the app was scaled up by meanwhile is waited for", () => {
    const silent = specOf({ minUptimeMs: 1000, rollout: { pauseMs: 0 } });
    const record = running(3, { spec: silent, rollout: rolloutOf("update", 2) });
    const added = onlineOf(2, fingerprint(silent), { onlineAt: NOW - 300 });
    const observed = seen([old(0), onlineOf(1, fingerprint(silent), { run: "new-1" }), added]);
    expect(plan(record, observed, NOW)).toEqual({ actions: [], lookAgainAt: NOW + 700 });
    expect(plan(record, observed, NOW + 700)).toEqual({ actions: [stop(0)] });
  });

  test("a start of an older spec that was never answered is overtaken", () => {
    const stuck = old(0, { status: "starting", startedAt: 190_000 });
    expect(plan(updating(1), seen([stuck], pending({ 0: "start" })), NOW).actions).toEqual([stop(0)]);
    expect(plan(updating(1), seen([stuck], pending({ 0: "restart" })), NOW).actions).toEqual([stop(0)]);
    expect(plan(updating(1), seen([stuck], pending({ 0: "stop" })), NOW).actions).toEqual([]);
  });

  test("its own start is not, not even before it has a run", () => {
    const starting = fresh(0, { status: "starting", run: "", startedAt: 190_000 });
    expect(plan(updating(1), seen([starting], pending({ 0: "start" })), NOW).actions).toEqual([]);
    expect(plan(updating(1), seen([starting]), NOW).actions).toEqual([]);
  });
});

describe("an update with a surge of one", () => {
  const settings = { rollout: { surge: 1 } };

  test("starts one more first, and takes nobody down", () => {
    expect(plan(updating(2, settings), seen([old(0), old(1)]), NOW).actions).toEqual([start(2)]);
    expect(
      plan(updating(2, settings), seen([old(0), old(1), fresh(2, { status: "starting", startedAt: NOW })]), NOW)
        .actions,
    ).toEqual([]);
  });

  test("then replaces one after the other", () => {
    expect(plan(updating(2, settings), seen([old(0), old(1), fresh(2)]), NOW).actions).toEqual([stop(1)]);
    expect(plan(updating(2, settings), seen([old(0), fresh(2)]), NOW).actions).toEqual([start(1)]);
    expect(plan(updating(2, settings), seen([old(0), fresh(1), fresh(2)]), NOW).actions).toEqual([stop(0)]);
  });

  test("and ends the extra one with the rollout", () => {
    expect(plan(updating(2, settings), seen([fresh(0), fresh(1), fresh(2)]), NOW)).toEqual({
      actions: [stop(2)],
      verdict: { status: "done" },
    });
  });

  test("an extra one that fails stops the rollout before anybody was touched", () => {
    const crashed = fresh(2, { status: "waiting", exit: { at: NOW, code: 1 } });
    expect(plan(updating(2, settings), seen([old(0), old(1), crashed]), NOW)).toEqual({
      actions: [],
      verdict: { status: "stalled", failure: { index: 2, why: "exit code 1" } },
    });
  });

  test("a revert replaces an extra one that is left on the abandoned spec", () => {
    const record = updating(2, settings, { kind: "revert", from: { 1: "bad-1" } });
    const looping = old(2, { status: "waiting", run: "bad-2" });
    expect(plan(record, seen([fresh(0), old(1, { run: "bad-1" }), looping]), NOW).actions).toEqual([stop(2)]);
  });

  test("after `scale 1` the index of the extra one is replaced like any other", () => {
    const record = { ...updating(2, settings), instances: 1 };
    expect(plan(record, seen([old(0), old(1)]), NOW).actions).toEqual([stop(1)]);
    expect(plan(record, seen([old(0)]), NOW).actions).toEqual([start(1)]);
  });
});

describe("a rollout stops at", () => {
  const stalled = (observed: Observed, record = updating(2)) => plan(record, observed, NOW).verdict;

  test.each<[string, ObservedInstance, string]>([
    ["a crash", fresh(1, { status: "waiting", exit: { at: NOW, signal: "SIGSEGV" } }), "killed by SIGSEGV"],
    [
      "a failed start",
      fresh(1, { status: "errored", exit: { at: NOW, code: 203, result: "exit-code" } }),
      "exit code 203 (the program could not be executed)",
    ],
    ["a clean exit", fresh(1, { status: "stopped", exit: { at: NOW, code: 0 } }), "exit code 0"],
    ["an automatic restart", fresh(1, { restarts: 1 }), "it ended"],
    ["the deadline", fresh(1, { status: "starting", startedAt: NOW - 60_000 }), "not ready within 60 s"],
  ])("%s", (_, instance, why) => {
    expect(stalled(seen([old(0), instance]))).toEqual({ status: "stalled", failure: { index: 1, why } });
  });

  test("a start that was refused, also of an instance that was added meanwhile", () => {
    const refused = { refused: new Map([[1, "bad property"]]) };
    expect(stalled(seen([old(0)], refused))).toEqual({ status: "stalled", failure: { index: 1, why: "bad property" } });
    const added = updating(2, {}, { from: { 0: "old-0" } });
    expect(stalled(seen([old(0)], refused), added)).toEqual({
      status: "stalled",
      failure: { index: 1, why: "bad property" },
    });
  });

  test("the deadline also while the restart has not been answered", () => {
    const late = onlineOf(0, print, { run: "new-0", status: "starting", startedAt: NOW - 60_000 });
    const record = running(1, { rollout: rolloutOf("reload", 1) });
    expect(stalled(seen([late], pending({ 0: "restart" })), record)).toMatchObject({ status: "stalled" });
  });

  test("nothing that befalls those whose turn has not come", () => {
    expect(stalled(seen([old(0, { status: "waiting", restarts: 7 }), fresh(1)]))).toBeUndefined();
  });

  test("no draining: a new instance that somebody restarts by hand long after its start", () => {
    expect(stalled(seen([old(0), fresh(1, { status: "stopping", startedAt: NOW - 100_000 })]))).toBeUndefined();
  });

  test("no end that velos itself is bringing about, of a run that the supervisor began just before", () => {
    const record = running(2, { rollout: rolloutOf("reload", 2) });
    const killed = { restarts: 3, exit: { at: NOW, signal: "SIGTERM", ranMs: 50 } };
    for (const status of ["stopping", "waiting", "starting"] as const) {
      const going = onlineOf(1, print, { run: "automatic", status, startedAt: NOW - 60, ...killed });
      expect(stalled(seen([onlineOf(0, print), going], pending({ 1: "restart" })), record)).toBeUndefined();
    }
    const crashed = onlineOf(1, print, { run: "new-1", status: "waiting", exit: { at: NOW, code: 3, ranMs: 40 } });
    expect(stalled(seen([onlineOf(0, print), crashed]), record)).toEqual({
      status: "stalled",
      failure: { index: 1, why: "exit code 3" },
    });
  });

  test("no remnant that is being cleared away", () => {
    expect(stalled(seen([old(0), fresh(1, { status: "errored" })], pending({ 1: "clear" })))).toBeUndefined();
  });

  test("and starts nobody any more", () => {
    expect(plan(updating(2), seen([], { refused: new Map([[0, "bad property"]]) }), NOW).actions).toEqual([]);
  });
});

describe("with a health check", () => {
  const checked = { health: { http: "/healthz", intervalMs: 1000, timeoutMs: 500, failures: 3, gracePeriodMs: 0 } };
  const healthy = specOf({ ...checked, rollout: { pauseMs: 0, minReadyMs: 1000 } });
  const record = running(2, { spec: healthy, previous: before, rollout: rolloutOf("update", 2) });
  const up = (changes: Partial<ObservedInstance>) =>
    onlineOf(1, fingerprint(healthy), { run: "new-1", startedAt: 190_000, onlineAt: 191_000, ...changes });

  test("an instance is waited for until it passes, as long as the deadline allows", () => {
    expect(plan(record, seen([old(0), up({})]), NOW)).toEqual({ actions: [], lookAgainAt: 250_000 });
    expect(plan(record, seen([old(0), up({})]), 250_000).verdict).toMatchObject({ status: "stalled" });
  });

  test("one that was up before this velosd has its time from when it was first seen, also while paused", () => {
    const adopted = up({ startedAt: 125_000, onlineAt: 126_000, seenAt: NOW });
    for (const status of ["running", "paused"] as const) {
      const there = running(2, { spec: healthy, previous: before, rollout: rolloutOf("update", 2, { status }) });
      expect(plan(there, seen([old(0), adopted]), NOW)).toEqual({ actions: [], lookAgainAt: 260_000 });
      expect(plan(there, seen([old(0), adopted]), 260_000).verdict).toEqual({
        status: "stalled",
        failure: { index: 1, why: "not ready within 60 s" },
      });
    }
  });

  test("one that has been starting for too long is late whoever sees it", () => {
    const starting = up({ status: "starting", startedAt: 125_000, seenAt: NOW });
    expect(plan(record, seen([old(0), starting]), NOW).verdict).toMatchObject({ status: "stalled" });
  });

  test("min_ready counts from the first pass", () => {
    const well = up({ wellAt: NOW - 400 });
    expect(plan(record, seen([old(0), well]), NOW)).toEqual({ actions: [], lookAgainAt: NOW + 600 });
    expect(plan(record, seen([old(0), well]), NOW + 600).actions).toEqual([stop(0)]);
  });

  test("a new instance that is unwell stops the rollout", () => {
    expect(plan(record, seen([old(0), up({ unwell: "GET /healthz: 500" })]), NOW).verdict).toEqual({
      status: "stalled",
      failure: { index: 1, why: "GET /healthz: 500" },
    });
  });

  test("an old one that is unwell does not serve: it goes first", () => {
    const reload = running(2, { spec: healthy, rollout: rolloutOf("reload", 2) });
    const both = [0, 1].map((index) => onlineOf(index, fingerprint(healthy), { wellAt: 0 }));
    const sick = { ...both[0]!, unwell: "timed out" };
    expect(plan(reload, seen([sick, both[1]!]), NOW).actions).toMatchObject([restart(0)]);
  });
});

describe("what is old is judged by the spec that it has", () => {
  const health = { http: "/", intervalMs: 1000, timeoutMs: 500, failures: 3, gracePeriodMs: 0 };
  const checked = specOf({ waitReady: true, health });
  const three = (its: string, changes: Partial<ObservedInstance> = {}) =>
    [0, 1, 2].map((index) => onlineOf(index, its, changes));
  const update = (to: typeof spec, previous?: typeof spec) =>
    running(3, { spec: to, ...(previous && { previous }), rollout: rolloutOf("update", 3) });
  const theirs = fingerprint(checked);

  test("by its check, which the new spec has not", () => {
    expect(plan(update(spec, checked), seen(three(theirs, { wellAt: 1 })), NOW).actions).toEqual([stop(2)]);
    expect(plan(update(spec, checked), seen(three(theirs, { seenAt: 1 })), NOW).actions).toEqual([]);
  });

  test("by no check, which only the new spec has", () => {
    expect(plan(update(checked, before), seen(three(oldPrint)), NOW).actions).toEqual([stop(2)]);
  });

  test("of an update that another one overtook, or that is taken back, too", () => {
    const other = specOf({ waitReady: true, args: ["/srv/other.js"] });
    for (const record of [update(spec), update(spec, before)]) {
      const known = { ...record, overtaken: [other, checked] };
      // A velosd that comes into it has asked nobody yet.
      expect(plan(known, seen(three(theirs)), NOW).actions).toEqual([]);
      expect(plan(known, seen(three(theirs, { seenAt: 1 })), NOW).actions).toEqual([]);
      expect(plan(known, seen(three(theirs, { wellAt: 1 })), NOW).actions).toEqual([stop(2)]);
      expect(plan(known, seen(three(fingerprint(other))), NOW).actions).toEqual([stop(2)]);
    }
  });

  test("one whose spec is not known serves, and is not asked what it may know nothing of", () => {
    for (const record of [update(checked), update(spec), update(checked, before)])
      expect(plan(record, seen(three("unknown")), NOW).actions).toEqual([stop(2)]);
  });
});

describe("a paused rollout", () => {
  const paused = updating(3, {}, { status: "paused" });

  test("takes nobody down", () => expect(plan(paused, seen([old(0), old(1), fresh(2)]), NOW)).toEqual({ actions: [] }));
  describe("restarts as it is who was to be restarted meanwhile", () => {
    const again = { 0: "old-0", 1: "old-1", 2: "new-2" };
    const three = [old(0), old(1), fresh(2)];

    test("on the spec that it has, as many at a time as may be out", () => {
      expect(plan({ ...paused, again: { 0: "old-0" } }, seen(three), NOW)).toEqual({ actions: [restart(0)] });
      expect(plan({ ...paused, again }, seen(three), NOW)).toEqual({ actions: [restart(2)] });
      expect(plan({ ...paused, again }, seen(three, pending({ 2: "restart" })), NOW).actions).toEqual([]);
    });
    test("at once where it does not serve anyway", () => {
      const sick = [old(0, { unwell: "GET /: 500" }), old(1, { status: "waiting" }), fresh(2)];
      expect(plan({ ...paused, again }, seen(sick), NOW).actions).toEqual([restart(1), restart(0)]);
    });
    test("and only the run that was meant", () => {
      expect(plan({ ...paused, again }, seen(three.map((one) => ({ ...one, run: "next" }))), NOW).actions).toEqual([]);
    });
    test("and a restart that fails is none of the new spec's", () => {
      const refused = { refused: new Map([[0, "exit code 1"]]) };
      expect(
        plan({ ...paused, again }, seen([old(0, { status: "waiting" }), old(1), fresh(2)], refused), NOW).verdict,
      ).toBe(undefined);
    });
  });

  test("brings back who is out", () =>
    expect(plan(paused, seen([old(0), old(1)]), NOW)).toEqual({ actions: [start(2)] }));
  test("still looks for a deadline, and stalls at it", () => {
    const starting = fresh(2, { status: "starting", startedAt: 190_000 });
    expect(plan(paused, seen([old(0), old(1), starting]), NOW)).toEqual({ actions: [], lookAgainAt: 250_000 });
    expect(plan(paused, seen([old(0), old(1), starting]), 250_000).verdict).toMatchObject({ status: "stalled" });
  });
  test("is done when there is nothing left to pause", () => {
    expect(plan(paused, seen([fresh(0), fresh(1), fresh(2)]), NOW).verdict).toEqual({ status: "done" });
  });
});

describe("a rollout that stopped at a failure", () => {
  const stalled = updating(3, {}, { status: "stalled" });
  const again = { 0: "old-0", 1: "old-1" };
  const two = [old(0), old(1), fresh(2)];

  test("leaves alone what serves, on whichever spec", () => {
    expect(plan(stalled, seen(two), NOW)).toEqual({ actions: [] });
    // Of a run that is over.
    expect(plan({ ...stalled, again: { 0: "before" } }, seen(two), NOW)).toEqual({ actions: [] });
  });
  test("restarts as it is who was to be restarted, as many at a time as may be out", () => {
    expect(plan({ ...stalled, again }, seen(two), NOW).actions).toEqual([restart(1)]);
    expect(plan({ ...stalled, again }, seen(two, pending({ 1: "restart" })), NOW).actions).toEqual([]);
    const sick = [old(0, { unwell: "GET /: 500" }), old(1), fresh(2)];
    expect(plan({ ...stalled, again }, seen(sick), NOW).actions).toEqual([restart(0)]);
  });
  test("brings back who is missing, on the spec that is wanted", () =>
    expect(plan({ ...stalled, again }, seen([old(0), old(1)]), NOW).actions).toEqual([start(2)]));

  test("goes on being stopped when something else than an operator restarts an instance", () => {
    const stamp = { id: "another", at: NOW };
    const unasked = beginRestart(stalled, two, "restart", "health", stamp, [0]);
    expect(unasked).toEqual({ ...stalled, again: { 0: "old-0" } });
    expect(beginRestart(stalled, two, "restart", "manual", stamp, [0]).rollout).toMatchObject({
      id: "another",
      status: "running",
    });
  });
});

describe("a restart", () => {
  const record = running(3, { rollout: rolloutOf("restart", 3) });
  const up = [0, 1, 2].map((index) => onlineOf(index, print));

  test("takes all at once", () =>
    expect(plan(record, seen(up), NOW)).toEqual({ actions: [restart(2), restart(1), restart(0)] }));

  test("moves instances that are on another spec to the wanted one", () => {
    expect(plan(record, seen([old(0), up[1]!, up[2]!]), NOW).actions).toEqual([restart(2), restart(1), stop(0)]);
  });

  test("of one instance touches no other", () => {
    const one = running(3, { rollout: rolloutOf("restart", 3, { from: { 1: "old-1" } }) });
    expect(plan(one, seen(up), NOW)).toEqual({ actions: [restart(1)] });
    expect(plan(one, seen([up[0]!, fresh(1), up[2]!]), NOW)).toEqual({ actions: [], verdict: { status: "done" } });
  });

  test("is done when they are online, ready or not", () => {
    const silent = specOf();
    const young = [0, 1, 2].map((index) =>
      onlineOf(index, fingerprint(silent), { run: `new-${index}`, onlineAt: NOW }),
    );
    expect(plan({ ...record, spec: silent }, seen(young), NOW).verdict).toEqual({ status: "done" });
  });

  test("stops at nothing: a crash is the supervisor's business, a refused start is over", () => {
    expect(plan(record, seen([fresh(0), fresh(1), fresh(2, { status: "waiting" })]), NOW)).toEqual({ actions: [] });
    expect(plan(record, seen([fresh(0), fresh(1)], { refused: new Map([[2, "bad property"]]) }), NOW).verdict).toEqual({
      status: "done",
    });
  });
});
