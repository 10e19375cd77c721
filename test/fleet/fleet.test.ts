import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Change, Fleet, Instance } from "../../src/fleet/fleet.ts";
import { applyChange, emptyFleet, healthOf, troubleOf, usageOf } from "../../src/fleet/fleet.ts";
import { anyStep, ServerModel } from "./server-model.ts";

/** As plain values, in the order in which it is shown. */
const plain = ({ apps, ...rest }: Fleet): unknown => ({ ...rest, apps: [...apps.values()] });

const frozen = <T>(value: T): T => {
  if (value !== null && typeof value === "object" && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) frozen(member);
  }
  return value;
};

const fleetOf = (messages: readonly Change[], from = emptyFleet): Fleet => messages.reduce(applyChange, from);

describe("messages, put together", () => {
  it("are the same as a snapshot of the end, whatever happened", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const server = new ServerModel();
        let fleet = applyChange(emptyFleet, server.snapshot());
        for (const step of steps) {
          for (const message of server.take(step)) fleet = applyChange(fleet, frozen(message));
          for (const app of fleet.apps.values()) frozen(app);
        }
        expect(plain(fleet)).toEqual(plain(applyChange(emptyFleet, server.snapshot())));
      }),
      { numRuns: 500 },
    );
  });

  it("go on after a snapshot in the middle", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30 }), fc.array(anyStep, { maxLength: 30 }), (before, after) => {
        const server = new ServerModel();
        for (const step of before) server.take(step);
        const seen = fleetOf([
          { ...server.snapshot(), apps: [], rollouts: [] },
          server.snapshot(),
          ...after.flatMap((step) => server.take(step)),
        ]);
        expect(plain(seen)).toEqual(plain(fleetOf([server.snapshot()])));
      }),
      { numRuns: 300 },
    );
  });

  it("of an app that is gone change nothing", () => {
    const server = new ServerModel();
    server.take({ kind: "create", app: "api", instances: 1 });
    const fleet = fleetOf([server.snapshot()]);
    const gone = { app: "gone", name: "gone:0", index: 0 };
    expect(
      applyChange(fleet, { type: "instance", at: 1, ...gone, status: "stopped", previous: "online", online: 0 }),
    ).toBe(fleet);
    const rollout = { id: "r", kind: "reload", status: "done", reason: "manual", startedAt: 1 } as const;
    expect(applyChange(fleet, { type: "rollout", at: 1, app: "gone", rollout, replaced: 1, total: 1 })).toBe(fleet);
  });
});

describe("is everything well?", () => {
  const instance = (status: Instance["status"], more: Partial<Instance> = {}): Instance => ({
    name: "api:0",
    app: "api",
    index: 0,
    status,
    restarts: 0,
    ...more,
  });

  it("counts every instance once", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const server = new ServerModel();
        for (const step of steps) server.take(step);
        const fleet = fleetOf([server.snapshot()]);
        const { apps, instances, online, stopped, troubles } = healthOf(fleet);
        expect(apps).toBe(fleet.apps.size);
        expect(instances).toBe(server.snapshot().apps.reduce((sum, app) => sum + app.processes.length, 0));
        expect(online).toBe(server.snapshot().apps.reduce((sum, app) => sum + app.online, 0));
        expect(online + stopped + troubles.length).toBeLessThanOrEqual(instances);
        const kinds = troubles.map(({ kind }) => kind).join();
        expect(kinds).toMatch(/^(bad,?)*(passing,?)*$/);
      }),
    );
  });

  it.each([
    [instance("online"), undefined],
    [instance("starting"), undefined],
    [instance("stopping"), undefined],
    [instance("stopped", { hold: { why: "command", at: 1 } }), undefined],
    [
      instance("stopped", { hold: { why: "exited", at: 1 }, exit: { at: 1, code: 0 } }),
      { kind: "passing", why: "ended by itself (exit code 0)" },
    ],
    [
      instance("waiting", { exit: { at: 1, signal: "SIGSEGV" } }),
      { kind: "passing", why: "crashed (killed by SIGSEGV), is started again" },
    ],
    [
      instance("errored", { hold: { why: "gave-up", at: 1 }, exit: { at: 1, code: 1 } }),
      { kind: "bad", why: "crashed too often in a row (exit code 1); velos gave up" },
    ],
    [instance("errored"), { kind: "bad", why: "failed" }],
  ])("%j: %j", (one, trouble) => {
    expect(troubleOf(one)).toEqual(trouble);
  });

  it("names a rollout that stopped at a failure", () => {
    const server = new ServerModel();
    server.take({ kind: "create", app: "api", instances: 1 });
    const rollout = {
      id: "r",
      kind: "update",
      status: "stalled",
      reason: "manual",
      startedAt: 1,
      failure: { index: 3, why: "exit code 1" },
    } as const;
    const fleet = fleetOf([server.snapshot(), { type: "rollout", at: 1, app: "api", rollout, replaced: 0, total: 4 }]);
    expect(healthOf(fleet).troubles).toEqual([
      { app: "api", name: "api", kind: "bad", why: "the rollout stopped at api:3: exit code 1" },
    ]);
  });
});

it("what an app uses is what its instances use together", () => {
  const server = new ServerModel();
  server.take({ kind: "create", app: "api", instances: 3 });
  for (const index of [0, 1, 2]) server.take({ kind: "instance", app: "api", index, status: "online" });
  const app = fleetOf([server.snapshot()]).apps.get("api")!;
  const figures = {
    "api:0": { cpuPercent: 5, memoryBytes: 10, restarts: 0 },
    "api:2": { memoryBytes: 20, restarts: 0 },
    "other:0": { cpuPercent: 90, memoryBytes: 900, restarts: 0 },
  };
  expect(usageOf(app, figures)).toEqual({ cpuPercent: 5, memoryBytes: 30 });
  expect(usageOf(app, {})).toEqual({ cpuPercent: undefined, memoryBytes: undefined });
});
