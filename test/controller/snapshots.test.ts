import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Value from "typebox/value";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createHandlers } from "../../src/api/handlers.ts";
import { JsonText } from "../../src/api/frames.ts";
import type { MetricsSnapshot } from "../../src/api/metrics-schema.ts";
import { MetricsSchema } from "../../src/api/metrics-schema.ts";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { Controller } from "../../src/controller/controller.ts";
import type { InstanceColumn } from "../../src/domain/snapshot.ts";
import { column, instanceColumns } from "../../src/domain/snapshot.ts";
import { makeSpec } from "../backend/programs.ts";

let stateDirectory: string;
let world: MemoryWorld;
let controller: Controller;

const openController = async (): Promise<void> => {
  controller = new Controller({ backend: new MemoryBackend(world), stateDirectory });
  await controller.open();
};

beforeEach(async () => {
  stateDirectory = mkdtempSync(join(tmpdir(), "velos-snapshots-"));
  world = new MemoryWorld();
  await openController();
});
afterEach(async () => {
  await controller.close();
  rmSync(stateDirectory, { recursive: true, force: true });
});

const spec = (overrides = {}) => makeSpec("api", ["/bin/app"], { waitReady: true, ...overrides });
const start = (count: number, overrides = {}) => controller.commands.start(spec(overrides), { kind: "exact", count });

const metrics = async (): Promise<MetricsSnapshot> => {
  const context = { version: "1", scope: "user" as const, startedAt: Date.now(), shutdown: () => undefined };
  const result = await createHandlers(controller, context).calls.metrics({});
  if (!(result instanceof JsonText)) throw new Error("not made piece by piece");
  return JSON.parse(result.bytes.toString()) as MetricsSnapshot;
};

const cell = async (index: number, name: InstanceColumn): Promise<unknown> =>
  (await metrics()).instances[index]![column[name]];

it("is what its schema says, a row for each instance", async () => {
  await start(3);
  const snapshot = await metrics();
  expect([...Value.Errors(MetricsSchema, snapshot)]).toEqual([]);
  expect(snapshot.instances.map((row) => row.length)).toEqual([0, 1, 2].map(() => instanceColumns.length));
  expect(snapshot.apps).toMatchObject([{ name: "api", desired: 3, running: 3, ready: 3, rollingOut: false }]);
  expect(snapshot.collection.failed).toBe(0);
});

it("shows instances that are stopped, with the counts they have", async () => {
  await start(2);
  await controller.commands.restart(["api:1"], "restart");
  await controller.commands.stop(["api:1"]);
  expect(await cell(1, "status")).toBe(0);
  expect(await cell(1, "restarts.manual")).toBe(1);
  expect((await metrics()).apps).toMatchObject([{ desired: 1, running: 1 }]);
});

it("counts crashes, restarts and rollouts by reason, over restarts of velosd", async () => {
  await start(1, { restartDelayMs: 1, minUptimeMs: 0 });
  world.crash("api", 0);
  await expect.poll(() => cell(0, "restarts.crash")).toBe(1);
  await controller.commands.restart(["api"], "restart");
  await controller.commands.restart(["api"], "restart", "cron");
  await controller.commands.restart(["api"], "reload");
  await controller.close();
  await openController();
  await expect.poll(() => cell(0, "status")).toBe(1);
  const row = (await metrics()).instances[0]!;
  const named = Object.fromEntries(instanceColumns.map((name, at) => [name, row[at]]));
  expect(named).toMatchObject({
    restarts: 4,
    "restarts.crash": 1,
    "restarts.manual": 1,
    "restarts.cron": 1,
    "restarts.rollout": 1,
    "exits.signal": 1,
  });
  const [app] = (await metrics()).apps;
  expect(app!.rollouts).toEqual({ done: 1 });
  const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
  expect(total(app!.rolloutDuration.counts)).toBe(1);
  // The first run, the one after the crash, and those of two restarts and the rollout.
  expect(total(app!.readyDuration.counts)).toBe(5);
});

it("counts how rollouts end", async () => {
  const quick = { waitReady: false, minUptimeMs: 20, restartDelayMs: 10 };
  await start(2, quick);
  world.behave = ({ env }) => (env["BAD"] ? { exitCode: 1 } : {});
  await expect(start(2, { ...quick, env: { BAD: "1" } })).rejects.toThrow("stopped");
  expect((await metrics()).apps[0]!.rollouts).toEqual({ reverted: 1 });
  world.delay = (operation) => (operation === "restart" ? 10_000 : undefined);
  const first = controller.commands.restart(["api"], "reload").catch(() => undefined);
  await expect.poll(async () => (await metrics()).apps[0]!.rollingOut).toBe(true);
  await controller.commands.stop(["api"]);
  await first;
  expect((await metrics()).apps[0]!.rollouts).toEqual({ reverted: 1, superseded: 1 });
});

it("measures once for all who ask at the same time", async () => {
  await start(2);
  let measurements = 0;
  const { backend } = controller;
  const figures = backend.figures!.bind(backend);
  backend.figures = async (wanted) => {
    measurements++;
    return figures(wanted);
  };
  const context = { version: "1", scope: "user" as const, startedAt: Date.now(), shutdown: () => undefined };
  const { calls } = createHandlers(controller, context);
  const results = await Promise.all(Array.from({ length: 20 }, () => calls.metrics({})));
  expect(measurements).toBe(1);
  expect(new Set(results).size).toBe(1);
});
