import { expect, test } from "vitest";
import { fingerprint } from "../../../src/domain/app.ts";
import type { ContractContext } from "../contract.ts";

/** Starting, stopping, restarting, and what there is to see. */
export const lifeContract = (context: ContractContext): void => {
  test("a started instance is online, and announced", async () => {
    const spec = await context.start({ does: "run" });
    const { backend, seen } = context.watched;
    const instance = await context.watched.until(context.app, 0, "online", ({ status }) => status === "online");
    expect(instance).toMatchObject({ index: 0, fingerprint: fingerprint(spec), restarts: 0 });
    expect(instance.run).not.toBe("");
    expect(instance.unit).not.toBe("");
    expect(Math.abs(Date.now() - (instance.startedAt ?? 0))).toBeLessThan(10_000);
    expect(instance.onlineAt).toBeGreaterThanOrEqual(instance.startedAt ?? Infinity);
    expect(backend.apps()).toContain(context.app);
    expect(seen.map(({ app }) => app)).toContain(context.app);
  });

  test("an app that was never started is not there", () => {
    expect(context.watched.backend.apps()).not.toContain(context.app);
    expect(context.watched.backend.observe(context.app)).toEqual([]);
  });

  test("instances are listed in ascending order", async () => {
    for (const index of [2, 0, 10]) await context.start({ does: "run" }, {}, index, 11);
    expect(context.watched.backend.observe(context.app).map(({ index }) => index)).toEqual([0, 2, 10]);
  });

  test("an instance that is there is not started again", async () => {
    await context.start({ does: "run" });
    const before = context.watched.one(context.app, 0);
    await expect(context.start({ does: "run" })).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    expect(context.watched.one(context.app, 0)).toEqual(before);
  });

  test("of two starts at the same moment one is refused", async () => {
    const results = await Promise.allSettled([context.start({ does: "run" }), context.start({ does: "run" })]);
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await context.watched.until(context.app, 0, "online", ({ status }) => status === "online");
  });

  test("a stopped instance is gone, and its name is free", async () => {
    await context.start({ does: "run" });
    const { backend } = context.watched;
    const { run } = context.watched.one(context.app, 0)!;
    await backend.stop(context.app, 0);
    await context.watched.untilGone(context.app, 0);
    expect(backend.apps()).not.toContain(context.app);
    await context.start({ does: "run" });
    expect(context.watched.one(context.app, 0)?.run).not.toBe(run);
  });

  test("stopping what is not there does nothing; two stops at once both end well", async () => {
    const { backend } = context.watched;
    await backend.stop(context.app, 0);
    await context.start({ does: "run" });
    await Promise.all([backend.stop(context.app, 0), backend.stop(context.app, 0)]);
    await context.watched.untilGone(context.app, 0);
  });

  test("stopping one instance leaves the others alone", async () => {
    await context.start({ does: "run" }, {}, 0, 2);
    await context.start({ does: "run" }, {}, 1, 2);
    const before = context.watched.one(context.app, 1);
    await context.watched.backend.stop(context.app, 0);
    await context.watched.untilGone(context.app, 0);
    expect(context.watched.one(context.app, 1)).toEqual(before);
  });

  test("an instance that ignores the signal is killed after its kill timeout", async () => {
    await context.start({ does: "ignore-sigterm" }, { killTimeoutMs: 300 });
    await context.watched.until(context.app, 0, "online", ({ status }) => status === "online");
    const before = Date.now();
    await context.watched.backend.stop(context.app, 0);
    expect(Date.now() - before).toBeLessThan(3000);
    await context.watched.untilGone(context.app, 0);
  });

  test("a restart gives a new run on the same spec", async () => {
    const spec = await context.start({ does: "run" });
    const before = context.watched.one(context.app, 0)!;
    await context.watched.backend.restart(context.app, 0);
    const after = await context.watched.until(
      context.app,
      0,
      "on a new run",
      ({ status, run }) => status === "online" && run !== before.run,
    );
    expect(after).toMatchObject({ fingerprint: fingerprint(spec), restarts: 0 });
  });

  test("restarting what is not there is refused", async () => {
    await expect(context.watched.backend.restart(context.app, 0)).rejects.toMatchObject({ code: "BACKEND_FAILED" });
  });

  test("clear leaves alone what runs", async () => {
    await context.start({ does: "run" });
    await context.watched.backend.clear(context.app, 0).catch(() => undefined);
    expect(context.watched.one(context.app, 0)?.status).toBe("online");
  });

  test("limits are adjusted without a new run", async () => {
    const spec = await context.start({ does: "run" });
    const before = context.watched.one(context.app, 0)!;
    await context.watched.backend.adjust({ ...spec, memoryMaxBytes: 512 * 2 ** 20, tasksMax: 100, maxRestarts: 3 });
    expect(context.watched.one(context.app, 0)).toMatchObject({ run: before.run, status: "online" });
  });

  test("prepare and release may be repeated", async () => {
    const { backend } = context.watched;
    const spec = context.harness.spec(context.app, { does: "run" });
    for (let i = 0; i < 2; i++) await backend.prepare(spec);
    for (let i = 0; i < 2; i++) await backend.release(context.app);
    expect(backend.apps()).not.toContain(context.app);
  });

  test("an instance is told who it is", async () => {
    const env = { MINE: "1", PORT: "4000" };
    const spec = await context.start({ does: "run" }, { env, incrementVar: "PORT", instanceVar: "WORKER" }, 2, 3);
    expect(await context.watched.backend.environment(context.app, 2)).toMatchObject({
      VELOS_APP: context.app,
      VELOS_INSTANCE_ID: "2",
      VELOS_INSTANCES: "3",
      NODE_APP_INSTANCE: "2",
      VELOS_SPEC: fingerprint(spec),
      WORKER: "2",
      PORT: "4002",
      MINE: "1",
    });
  });

  test("the backend says what it can", async () => {
    const { backend } = context.watched;
    expect((await backend.facilities()).length).toBeGreaterThan(0);
    expect(backend.epoch).not.toBe("");
  });
};
