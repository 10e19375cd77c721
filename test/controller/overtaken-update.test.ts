import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { Controller } from "../../src/controller/controller.ts";
import type { AppSpec } from "../../src/domain/app.ts";
import { fingerprint, healthDefaults } from "../../src/domain/app.ts";
import type { AppRecord } from "../../src/domain/record.ts";
import { specOf } from "../domain/spec.ts";

let directory: string;
let world: MemoryWorld;
let controller: Controller;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "velos-overtaken-"));
  world = new MemoryWorld();
  await nextVelosd();
});
afterEach(async () => {
  await controller.close();
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
});

const nextVelosd = async (): Promise<void> => {
  controller = new Controller({ backend: new MemoryBackend(world), stateDirectory: directory });
  await controller.open();
};
const make = (version: string, { rollout, ...changes }: Parameters<typeof specOf>[0] = {}): AppSpec =>
  specOf({
    waitReady: true,
    cwd: directory,
    env: { VERSION: version },
    rollout: { pauseMs: 0, ...rollout },
    ...changes,
  });
const instance = (index: number) => controller.converge.observe("api").find((one) => one.index === index);
const until = <T>(read: () => T) => expect.poll(read, { timeout: 5000 });
const stored = (): AppRecord => JSON.parse(readFileSync(join(directory, "apps", "api.json"), "utf8")) as AppRecord;

it("an instance of an update that another one overtook is asked by its own check, also by the next velosd", async () => {
  const well = join(directory, "well");
  writeFileSync(well, "");
  const health = { ...healthDefaults, command: ["/usr/bin/test", "-e", well], failures: 1000, intervalMs: 50 };
  const second = make("2", { health, secretEnv: { PASSWORD: "hush" }, rollout: { pauseMs: 60_000 } });
  const third = make("3", { rollout: { surge: 1 } });
  // The extra instance, before which nobody may go, comes up when it is told to.
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  world.delay = (_, __, index) => (index === 2 ? released : undefined);

  await controller.commands.start(make("1"), { kind: "exact", count: 2 });
  await controller.commands.start(second, undefined, "start");
  await until(() => instance(1)?.wellAt).toBeDefined();
  expect(instance(1)?.fingerprint).toBe(fingerprint(second));
  await controller.commands.start(third, undefined, "start");
  await until(() => instance(2)).toBeDefined();

  await controller.close();
  rmSync(well);
  await nextVelosd();
  expect(instance(1)).toMatchObject({ fingerprint: fingerprint(second), seenAt: expect.any(Number) });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(instance(1)).not.toHaveProperty("wellAt");
  expect(stored().overtaken).toEqual([second]);
  // Nothing that is shown of the app has the secrets that only it has.
  const shown = [await controller.apps.describe("api:1"), await controller.apps.environment("api:1")];
  expect(shown[1]).toMatchObject({ VERSION: "2", PASSWORD: "********" });
  expect(JSON.stringify(shown)).not.toContain("hush");

  writeFileSync(well, "");
  await until(() => instance(1)?.wellAt).toBeDefined();
  release();
  await until(() => stored().rollout?.status).toBe("done");
  await until(stored).not.toHaveProperty("overtaken");
  expect(instance(0)?.fingerprint).toBe(fingerprint(third));
});
