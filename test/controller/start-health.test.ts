import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { Controller } from "../../src/controller/controller.ts";
import { healthDefaults } from "../../src/domain/app.ts";
import type { AppSpec } from "../../src/domain/app.ts";
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

describe("a rollout to a spec with another health check", () => {
  /** The last one, which is replaced first, takes its time to pass; the others fail at once. */
  const checked = (file: string): AppSpec => {
    const there = `test -e ${directory}/${file}`;
    const waits = `test $VELOS_INSTANCE_ID = 2 && until ${there}; do sleep 0.02; done`;
    const health = { ...healthDefaults, command: ["/bin/sh", "-c", `${waits}; ${there}`], intervalMs: 50, failures: 1 };
    return makeSpec("api", ["/bin/app", file], { waitReady: true, cwd: directory, health });
  };
  const unchecked = (): AppSpec => makeSpec("api", ["/bin/app"], { waitReady: true, cwd: directory });
  const startThree = (spec: AppSpec) => controller.commands.start(spec, { kind: "exact", count: 3 });
  /** Not more than one of the three may be out at a time, whatever happens. */
  const watchOnline = (): { least: number } => {
    const seen = { least: 3 };
    controller.events.subscribe(() => {
      const up = controller.converge.observe("api").filter(({ status }) => status === "online").length;
      seen.least = Math.min(seen.least, up);
    });
    return seen;
  };

  beforeEach(() => writeFileSync(join(directory, "one"), ""));

  it("that is gone ends, forth and back", async () => {
    await startThree(checked("one"));
    const online = watchOnline();
    await expect(controller.commands.start(unchecked(), undefined)).resolves.toMatchObject({ outcome: "updated" });
    await controller.rollouts.undo("api");
    expect(controller.converge.observe("api").map(({ wellAt }) => typeof wellAt)).toEqual(Array(3).fill("number"));
    expect(online.least).toBe(2);
  });

  it.each([
    ["new", () => unchecked()],
    ["changed", () => checked("one")],
  ])("that is %s and that the old ones do not pass takes them one at a time", async (_, before) => {
    await startThree(before());
    const online = watchOnline();
    const updated = controller.commands.start(checked("two"), undefined);
    // Long enough for the old ones to fail what only the new ones are to pass.
    const out = () => controller.converge.observe("api").filter(({ seenAt }) => seenAt !== undefined).length;
    await expect.poll(out).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 150));
    writeFileSync(join(directory, "two"), "");
    await updated;
    expect(online.least).toBe(2);
  });
});
