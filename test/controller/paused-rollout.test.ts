import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { Controller } from "../../src/controller/controller.ts";
import type { AppSpec } from "../../src/domain/app.ts";
import { fingerprint, healthDefaults } from "../../src/domain/app.ts";
import { specOf } from "../domain/spec.ts";

type Changes = Parameters<typeof specOf>[0];

let directory: string;
let world: MemoryWorld;
let controller: Controller;
let reports: string[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "velos-paused-"));
  world = new MemoryWorld();
  reports = [];
  controller = new Controller({
    backend: new MemoryBackend(world),
    stateDirectory: directory,
    report: (line) => reports.push(line),
  });
  await controller.open();
});
afterEach(async () => {
  await controller.close();
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
});

const make = (version: string, { rollout, ...changes }: Changes = {}): AppSpec =>
  specOf({
    waitReady: true,
    minUptimeMs: 0,
    cwd: directory,
    env: { VERSION: version },
    rollout: { pauseMs: 400, ...rollout },
    ...changes,
  });
const rollout = () => controller.converge.get("api")!.record.rollout!;
const instances = () => controller.converge.observe("api");
const runs = () => instances().map(({ run }) => run);
const prints = () => instances().map(({ fingerprint: print }) => print);

/** Three instances, the last of which is on the new spec when the rollout is paused. */
const pauseAfterFirst = async (before: AppSpec, after: AppSpec, index = 2): Promise<void> => {
  await controller.commands.start(before, { kind: "exact", count: 3 });
  await controller.commands.start(after, undefined, "start");
  await expect.poll(() => instances().find((one) => one.index === index)?.fingerprint).toBe(fingerprint(after));
  await expect.poll(() => instances().find((one) => one.index === index)?.status).toBe("online");
  await controller.rollouts.pause("api");
};
const isDone = () => expect.poll(() => rollout().status, { timeout: 5000 }).toBe("done");

describe("while a rollout is paused", () => {
  const [before, after] = [make("1"), make("2")];

  it.each([
    ["by name", ["api:0", "api:2"], "manual", [0, 2]],
    ["by name, one at a time", ["api:0", "api:1", "api:2"], "manual", [0, 1, 2]],
    ["for its memory", ["api:1"], "memory", [1]],
    ["on a schedule", ["api"], "cron", [0, 1, 2]],
  ] as const)("a restart %s gives a new run on the spec that there is", async (_, selectors, reason, restarted) => {
    await pauseAfterFirst(before, after);
    const [oldRuns, oldPrints] = [runs(), prints()];
    await controller.commands.restart(selectors, "restart", reason);
    expect(runs().flatMap((run, index) => (run === oldRuns[index] ? [] : [index]))).toEqual(restarted);
    expect(prints()).toEqual(oldPrints);
    expect(rollout().status).toBe("paused");
    await controller.rollouts.resume("api");
    await isDone();
    expect(new Set(prints())).toEqual(new Set([fingerprint(after)]));
  });

  it("what is restarted is who it was", async () => {
    // One that names itself is told nothing.
    await pauseAfterFirst(make("1"), make("2", { env: { OTEL_RESOURCE_ATTRIBUTES: "release=2" } }));
    await controller.commands.restart(["api:0", "api:2"], "restart");
    const attributes = await Promise.all(
      [0, 2].map(async (index) => (await controller.backend.environment("api", index))["OTEL_RESOURCE_ATTRIBUTES"]),
    );
    expect(attributes).toEqual([expect.stringContaining("service.instance.id="), "release=2"]);
  });

  it("a restart that was to wait for its turn comes with the pause", async () => {
    await controller.commands.start(before, { kind: "exact", count: 3 });
    const [first] = runs();
    await controller.commands.start(make("2", { rollout: { pauseMs: 60_000 } }), undefined, "start");
    await expect.poll(() => world.find("api", 2)?.spec.env["VERSION"]).toBe("2");
    const restarted = controller.commands.restart(["api:0"], "restart");
    await expect.poll(() => controller.converge.get("api")!.record.again).toEqual({ 0: first });
    await controller.rollouts.pause("api");
    await restarted;
    expect(runs()[0]).not.toBe(first);
    expect(prints()[0]).toBe(fingerprint(before));
  });

  it("one that cannot be restarted, since nobody may be out, is told", async () => {
    const tight = { maxUnavailable: 0, surge: 1, deadlineMs: 300 };
    await pauseAfterFirst(make("1", { rollout: tight }), make("2", { rollout: tight }), 3);
    // The extra one, without which each of the three is needed.
    await world.find("api", 3)!.stop();
    const [old] = runs();
    await expect(controller.commands.restart(["api:0"], "restart")).rejects.toMatchObject({
      code: "ROLLOUT_STALLED",
      message: expect.stringContaining("it is paused, and api:0 is not restarted"),
      hint: "`velos rollout resume api` goes on with it",
    });
    expect(runs()[0]).toBe(old);
  });

  it.each(["old", "new"])(
    "an %s instance that becomes unwell is restarted, or ends the rollout; and so it is told",
    async (which) => {
      const file = join(directory, "sick");
      const index = which === "old" ? 0 : 2;
      const health = {
        ...healthDefaults,
        command: ["/bin/sh", "-c", `test $VELOS_INSTANCE_ID != ${index} || ! test -e ${file}`],
        intervalMs: 50,
        failures: 2,
      };
      const on = { rollout: { onFailure: "stop" as const } };
      await pauseAfterFirst(make("1", { health, ...on }), make("2", { health, ...on }));
      await expect.poll(() => instances().every(({ wellAt }) => wellAt !== undefined)).toBe(true);
      const [oldRuns, oldPrints] = [runs(), prints()];
      writeFileSync(file, "");
      if (which === "new") {
        await expect.poll(() => rollout().status).toBe("stalled");
        expect(reports).toEqual([expect.stringContaining("api:2 is left to its rollout: its health check failed")]);
        return;
      }
      await expect.poll(() => runs()[0]).not.toBe(oldRuns[0]);
      rmSync(file);
      await expect.poll(() => instances()[0]!.wellAt).toBeDefined();
      expect(prints()).toEqual(oldPrints);
      expect(rollout().status).toBe("paused");
      expect(reports[0]).toContain("api:0 is restarted: its health check failed");
      await controller.rollouts.resume("api");
      await isDone();
    },
  );
});

it("an old instance that crashed and came back before its turn does not stop the rollout when it goes", async () => {
  await pauseAfterFirst(make("1"), make("2"));
  const [old] = runs();
  world.crash("api", 0, { code: 1 });
  await expect
    .poll(() => instances()[0])
    .toMatchObject({ status: "online", run: expect.not.stringMatching(`^${old}$`) });
  await controller.rollouts.resume("api");
  await isDone();
  expect(rollout()).toMatchObject({ kind: "update" });
  expect(rollout()).not.toHaveProperty("failure");
});
