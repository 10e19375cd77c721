import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { Controller } from "../../src/controller/controller.ts";
import { Store } from "../../src/controller/store.ts";
import type { AppRecord } from "../../src/domain/record.ts";
import { specOf } from "../domain/spec.ts";

let directory: string;
let world: MemoryWorld;
const opened: Controller[] = [];

/** A velosd that works on what another has left on disk by now. */
const velosd = async (name: string, from?: string): Promise<Controller> => {
  const stateDirectory = join(directory, name);
  if (from !== undefined) await cp(join(directory, from), stateDirectory, { recursive: true });
  const controller = new Controller({ backend: new MemoryBackend(world), stateDirectory });
  opened.push(controller);
  await controller.open();
  return controller;
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "velos-killed-"));
  world = new MemoryWorld();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(opened.splice(0).map(async (controller) => controller.close()));
  await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
});

it("an instance that is given up is not taken for one that an operator stopped by the next velosd", async () => {
  let runs = 0;
  // The last one that it may have is ended below.
  world.behave = () => (++runs <= 2 ? { exitCode: 1 } : {});
  let letSave!: () => void;
  const mayBeSaved = new Promise<void>((resolve) => (letSave = resolve));
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with its store below
  const save = Store.prototype.save;
  const gaveUp = vi.spyOn(Store.prototype, "save").mockImplementation(async function (this: Store, record: AppRecord) {
    if (record.holds[0]) await mayBeSaved;
    return save.call(this, record);
  });
  const isWaiting = (): boolean => gaveUp.mock.calls.some(([record]) => record.holds[0]?.why === "gave-up");

  const first = await velosd("first");
  const spec = specOf({ maxRestarts: 2, restartDelayMs: 1, minUptimeMs: 60_000 });
  const started = first.commands.start(spec, { kind: "exact", count: 1 }).catch(() => undefined);
  const stored = async (): Promise<unknown> =>
    JSON.parse(await readFile(join(directory, "first/apps/api.json"), "utf8"));
  await expect.poll(stored).toMatchObject({ brink: [0] });
  world.crash("api", 0, { code: 1 });
  await expect.poll(isWaiting).toBe(true);
  // At once: while the disk is slow it would be restarted more often than it may.
  await expect.poll(() => world.calls).toContain("stop api:0");
  await expect.poll(() => world.find("api", 0)).toBeUndefined();

  // Killed here. The other one has what was on disk.
  const second = await velosd("second", "first");
  letSave();
  const hold = (controller: Controller): string | undefined => controller.converge.get("api")!.record.holds[0]?.why;
  await expect.poll(() => hold(second)).toBe("gave-up");
  await started;
  expect(hold(first)).toBe("gave-up");
});
