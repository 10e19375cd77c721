import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { Controller } from "../../src/controller/controller.ts";
import { healthDefaults } from "../../src/domain/app.ts";
import { makeSpec } from "../backend/programs.ts";

let directory: string;
let controller: Controller;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "velos-start-health-"));
  controller = new Controller({ backend: new MemoryBackend(new MemoryWorld()), stateDirectory: directory });
  await controller.open();
});
afterEach(async () => {
  await controller.close();
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
});

/** Starts two instances that are well as soon as the file `well` is there. */
const start = (changes: { failures?: number; deadlineMs?: number } = {}) => {
  const spec = makeSpec("api", ["/bin/app"], {
    waitReady: true,
    cwd: directory,
    health: {
      ...healthDefaults,
      // Each question is noted.
      command: ["/bin/sh", "-c", `echo >> ${directory}/asked; test -e ${directory}/well`],
      failures: changes.failures ?? 1000,
    },
  });
  if (changes.deadlineMs !== undefined) spec.rollout = { ...spec.rollout, deadlineMs: changes.deadlineMs };
  return controller.commands.start(spec, { kind: "exact", count: 2 });
};

it("answers when the health check has passed", async () => {
  let done = false;
  const started = start().then(() => (done = true));
  await expect.poll(() => existsSync(join(directory, "asked"))).toBe(true);
  expect(done).toBe(false);
  writeFileSync(join(directory, "well"), "");
  await started;
});

it("fails with what the check said when it fails", async () => {
  await expect(start({ failures: 2 })).rejects.toThrow("its health check failed");
});

it("fails when it has not passed in time", async () => {
  await expect(start({ deadlineMs: 300 })).rejects.toThrow("its health check has not passed within 0.3 s");
});

it("counts an instance of a rollout as replaced once it is well", async () => {
  writeFileSync(join(directory, "well"), "");
  await start();
  rmSync(join(directory, "well"));
  const counts: (number | undefined)[] = [];
  controller.live.subscribe((item) => {
    if (item.type === "rollout") counts.push(item.replaced);
  });
  const reloaded = controller.commands.restart(["api"], "reload");
  const replaced = async (): Promise<unknown> => {
    const [app] = await controller.apps.list([], false);
    return [
      app!.rollout?.replaced,
      app!.rollout?.total,
      app!.processes.filter(({ status }) => status === "online").length,
    ];
  };
  await expect.poll(replaced).toEqual([0, 2, 2]);
  writeFileSync(join(directory, "well"), "");
  await reloaded;
  expect(await replaced()).toEqual([2, 2, 2]);
  expect([...new Set(counts)]).toEqual([0, 1, 2]);
});
