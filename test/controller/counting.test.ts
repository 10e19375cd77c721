import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { Controller } from "../../src/controller/controller.ts";
import { makeSpec } from "../backend/programs.ts";

let stateDirectory: string;
let world: MemoryWorld;
let controller: Controller;

const open = async (): Promise<Controller> => {
  const opened = new Controller({ backend: new MemoryBackend(world), stateDirectory });
  await opened.open();
  return opened;
};

beforeEach(async () => {
  stateDirectory = mkdtempSync(join(tmpdir(), "velos-counting-"));
  world = new MemoryWorld();
  controller = await open();
});
afterEach(async () => {
  await controller.close();
  rmSync(stateDirectory, { recursive: true, force: true });
});

const start = (count: number, overrides = {}) =>
  controller.commands.start(makeSpec("api", ["/bin/app"], { waitReady: true, ...overrides }), { kind: "exact", count });
const restarts = async (): Promise<[string, number][]> =>
  (await controller.apps.list())[0]!.processes.map(({ status, restarts }) => [status, restarts]);

it("goes back to the old spec also where the start on the new one left nothing behind", async () => {
  await start(2);
  world.refuseNextStart("api", 1, "the new one cannot be started");
  await expect(start(2, { env: { NEW: "1" } })).rejects.toThrow("the new one cannot be started");
  expect(controller.converge.get("api")!.record.rollout).toMatchObject({ kind: "revert", status: "done" });
  expect(await restarts()).toEqual([
    ["online", 0],
    ["online", 1],
  ]);
});

it("counts the restarts of a rollout that velosd did not live to count", async () => {
  await start(2);
  // What a kill -9 leaves: a record with the rollout, its first instance replaced, and counts that were never written.
  world.delay = (operation, _, index) => (index === 0 && operation === "restart" ? new Promise(() => {}) : undefined);
  void controller.commands.restart(["api"], "reload").catch(() => undefined);
  await expect.poll(async () => (await restarts())[1]).toEqual(["online", 1]);
  await controller.close();
  rmSync(join(stateDirectory, "counters", "api.json"));
  world.delay = () => undefined;
  controller = await open();
  await expect.poll(restarts).toEqual([
    ["online", 1],
    ["online", 1],
  ]);
});

it("has written a restart by hand as soon as anybody could ask for it again", async () => {
  await start(1);
  for (const expected of [1, 2, 3]) {
    await controller.commands.restart(["api"], "restart");
    const other = new Controller({ backend: new MemoryBackend(world), stateDirectory });
    await other.open();
    await expect.poll(async () => (await other.apps.list())[0]!.processes[0]!.restarts).toBe(expected);
    await other.close();
  }
});
