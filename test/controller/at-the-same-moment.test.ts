import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { Controller } from "../../src/controller/controller.ts";
import type { AppSpec } from "../../src/domain/app.ts";
import { VelosError } from "../../src/domain/errors.ts";
import type { AppRecord } from "../../src/domain/record.ts";
import { specOf } from "../domain/spec.ts";
import { beforeSaves, holdSaves } from "./store-saves.ts";

/** Counts what it is asked for, and fails as the test says. */
class FailingBackend extends MemoryBackend {
  stops = 0;
  releases = 0;
  readonly adjusted: AppSpec[] = [];
  stopFails: VelosError | undefined;
  releaseFails: VelosError | undefined;
  startFails: VelosError | undefined;

  override async start(...args: Parameters<MemoryBackend["start"]>): Promise<void> {
    if (this.startFails) throw this.startFails;
    return super.start(...args);
  }

  override async stop(...args: Parameters<MemoryBackend["stop"]>): Promise<void> {
    this.stops++;
    if (this.stopFails) throw this.stopFails;
    return super.stop(...args);
  }

  override async release(...args: Parameters<MemoryBackend["release"]>): Promise<void> {
    this.releases++;
    if (this.releaseFails) throw this.releaseFails;
    return super.release(...args);
  }

  override async adjust(spec: AppSpec): Promise<void> {
    this.adjusted.push(spec);
    return super.adjust(spec);
  }
}

let directory: string;
let world: MemoryWorld;
let backend: FailingBackend;
let controller: Controller;
const opened: Controller[] = [];

const velosd = async (name: string): Promise<Controller> => {
  backend = new FailingBackend(world);
  controller = new Controller({ backend, stateDirectory: join(directory, name), report: () => {} });
  opened.push(controller);
  await controller.open();
  return controller;
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "velos-moment-"));
  world = new MemoryWorld();
  await velosd("first");
});
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(opened.splice(0).map(async (one) => one.close()));
  await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
});

const exact = (count: number) => ({ kind: "exact", count }) as const;
const record = (): AppRecord => controller.converge.get("api")!.record;
const online = (): number => world.apps.get("api")?.size ?? 0;
const failure = (why: string): VelosError => new VelosError("BACKEND_FAILED", { backend: "memory", why, hint: "" });

describe("a restart that nobody asked for", () => {
  it.each(["health", "memory", "watch", "cron"] as const)(
    "for %s does not undo a stop of the same moment",
    async (reason) => {
      await controller.commands.start(specOf(), exact(2));
      const held = holdSaves(({ running }) => !running);
      const stopping = controller.commands.stop(["api"]);
      await expect.poll(held.waits).toBe(true);
      const restarting = controller.commands.restart([reason === "cron" ? "api" : "api:0"], "restart", reason);
      held.letOn();
      await Promise.all([stopping, restarting]);
      expect(record().running).toBe(false);
      await expect.poll(online).toBe(0);
    },
  );

  it("does not bring back a single instance that was stopped, and restarts the others", async () => {
    await controller.commands.start(specOf({ minUptimeMs: 0 }), exact(3));
    await controller.commands.stop(["api:1"]);
    const runs = () => backend.observe("api").map(({ index, run }) => [index, run] as const);
    const before = runs();
    await controller.commands.restart(["api"], "restart", "cron");
    expect(record().holds[1]?.why).toBe("command");
    expect(runs().map(([index]) => index)).toEqual([0, 2]);
    for (const [position, [, run]] of runs().entries()) expect(run).not.toBe(before[position]![1]);
  });
});

it("another spec does not undo a scale of the same moment", async () => {
  await controller.commands.start(specOf(), exact(2));
  const held = holdSaves(({ instances }) => instances === 4);
  const scaling = controller.commands.scale("api", exact(4));
  await expect.poll(held.waits).toBe(true);
  const starting = controller.commands.start(specOf({ maxRestarts: 3 }), undefined);
  held.letOn();
  await Promise.allSettled([scaling, starting]);
  expect(record()).toMatchObject({ instances: 4, spec: { maxRestarts: 3 } });
});

describe("an app that moves to another address", () => {
  const [here, there] = [specOf({ listen: [{ port: 3000 }] }), specOf({ listen: [{ port: 4000 }] })];

  it("comes up again when velosd is killed in between", async () => {
    await controller.commands.start(here, exact(2));
    world.delay = (operation) => (operation === "stop" ? new Promise<void>(() => {}) : undefined);
    void controller.commands.start(there, undefined).catch(() => undefined);
    await expect.poll(() => record().running).toBe(false);
    // Killed here. The next one has what was on disk, and the instances go down meanwhile, as the supervisor was told.
    await cp(join(directory, "first"), join(directory, "second"), { recursive: true });
    world.delay = () => undefined;
    await controller.close();
    world.reboot();
    await velosd("second");
    await expect.poll(online).toBe(2);
    expect(record()).toMatchObject({ running: true });
  });

  it("stays stopped when an operator stops it", async () => {
    await controller.commands.start(here, exact(1));
    await controller.commands.start(there, undefined);
    expect(record()).not.toHaveProperty("moving");
    await controller.commands.stop(["api"]);
    expect(record()).not.toHaveProperty("moving");
  });

  it("has its old address back when the new one cannot be stored", async () => {
    await controller.commands.start(here, exact(2));
    beforeSaves(({ spec }) => {
      if (JSON.stringify(spec.listen).includes("4000"))
        throw new VelosError("STORE_FAILED", { app: "api", path: "", why: "" });
    });
    await expect(controller.commands.start(there, undefined)).rejects.toMatchObject({ code: "STORE_FAILED" });
    await expect.poll(online).toBe(2);
    expect(record()).toMatchObject({ running: true, spec: { listen: here.listen } });
  });
});

describe("what the backend cannot do", () => {
  it("is tried again after a pause, and not at once", async () => {
    await controller.commands.start(specOf(), exact(2));
    backend.stopFails = failure("refused");
    void controller.commands.scale("api", exact(1)).catch(() => undefined);
    await expect.poll(() => backend.stops, { timeout: 5000 }).toBeGreaterThanOrEqual(1);
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(backend.stops).toBeLessThanOrEqual(2);
    backend.stopFails = undefined;
    await expect.poll(online, { timeout: 5000 }).toBe(1);
  });

  it("is released again after a pause, and not at once", async () => {
    await controller.commands.start(specOf(), exact(1));
    backend.releaseFails = failure("refused");
    void controller.commands.delete(["api"]).catch(() => undefined);
    await expect.poll(() => backend.releases, { timeout: 5000 }).toBeGreaterThanOrEqual(1);
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(backend.releases).toBeLessThanOrEqual(2);
    backend.releaseFails = undefined;
    await expect.poll(() => controller.converge.get("api"), { timeout: 5000 }).toBeUndefined();
  });

  it("is told, also when its reason has the word connection in it", async () => {
    backend.startFails = failure("the secret db-connection of api cannot be read");
    await expect(controller.commands.start(specOf(), exact(1))).rejects.toThrow("db-connection");
  });
});

it("limits that a velosd was cut off from setting are set by the same command again", async () => {
  const spec = specOf({ memoryMax: 512 * 1024 * 1024 } as Partial<AppSpec>);
  await controller.commands.start(spec, exact(1));
  backend.adjusted.length = 0;
  await expect(controller.commands.start(spec, undefined)).resolves.toMatchObject({ outcome: "unchanged" });
  expect(backend.adjusted).toHaveLength(1);
});

it("an instance that is given up just before velosd is killed is not taken for one that an operator stopped", async () => {
  let runs = 0;
  // The last one that it may have is ended below.
  world.behave = () => (++runs <= 2 ? { exitCode: 1 } : {});
  const held = holdSaves(({ holds }) => holds[0] !== undefined);
  const first = controller;
  const spec = specOf({ maxRestarts: 2, restartDelayMs: 1, minUptimeMs: 60_000 });
  const started = first.commands.start(spec, exact(1)).catch(() => undefined);
  await expect.poll(() => runs).toBe(3);
  world.crash("api", 0, { code: 1 });
  await expect.poll(held.waits).toBe(true);
  // At once: while the disk is slow it would be restarted more often than it may.
  await expect.poll(() => world.calls).toContain("stop api:0");
  await expect.poll(() => world.find("api", 0)).toBeUndefined();

  // Killed here. The next one has what was on disk.
  await cp(join(directory, "first"), join(directory, "second"), { recursive: true });
  await velosd("second");
  held.letOn();
  await expect.poll(() => record().holds[0]?.why).toBe("gave-up");
  await started;
  expect(first.converge.get("api")!.record.holds[0]?.why).toBe("gave-up");
});

it("an instance that is given up while a restart of it is being stored runs on under the next velosd", async () => {
  const spec = specOf({ maxRestarts: 1, restartDelayMs: 1, minUptimeMs: 60_000 });
  await controller.commands.start(spec, exact(2));
  const held = holdSaves(({ rollout }) => rollout?.kind === "restart" && rollout.status === "running");
  const restarted = controller.commands.restart(["api"], "restart");
  await expect.poll(held.waits).toBe(true);
  while (record().holds[0] === undefined) {
    if (world.find("api", 0)?.status === "online") world.crash("api", 0, { code: 1 });
    await new Promise((resolve) => setImmediate(resolve));
  }
  held.letOn();
  await restarted;
  expect([online(), record().holds]).toEqual([2, {}]);
  await controller.close();
  await cp(join(directory, "first"), join(directory, "second"), { recursive: true });
  await velosd("second");
  expect([online(), record().holds]).toEqual([2, {}]);
});

it("commands that wait for an app that never settles do not pile up", async () => {
  await controller.commands.start(specOf({ waitReady: true, listenTimeoutMs: 600_000 }), exact(1));
  world.behave = () => ({ readyAfterMs: Infinity });
  const ends: string[] = [];
  for (let count = 0; count < 130; count++)
    void controller.commands
      .restart(["api"], "restart", "cron")
      .catch((error: VelosError) => ends.push(`${count} ${error.code}`));
  await expect.poll(() => ends.length, { timeout: 20_000 }).toBe(30);
  expect(ends[0]).toBe("0 OPERATION_SUPERSEDED");
  expect(controller.converge.get("api")!.waiters.size).toBe(100);
});
