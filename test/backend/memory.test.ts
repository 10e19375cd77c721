import { expect, test, vi } from "vitest";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import type { Behaviour } from "../../src/backend/memory/memory-world.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { backendContract } from "./contract.ts";
import type { Program } from "./programs.ts";
import { makeSpec } from "./programs.ts";

const behaviourOf = (program: Program, waitReady: boolean): Behaviour => {
  const readyAfterMs = waitReady && program.does !== "get-ready" ? Infinity : 0;
  switch (program.does) {
    case "exit":
      return { exitCode: program.code };
    case "print":
      return { prints: program.lines };
    case "ignore-sigterm":
      return { ignoresKillSignal: true };
    default:
      return { readyAfterMs };
  }
};

backendContract(
  "memory",
  async () => {
    const world = new MemoryWorld();
    // The program travels as an argument, as a script would.
    world.behave = (spec) => behaviourOf(JSON.parse(spec.args[0] ?? "{}") as Program, spec.waitReady);
    return {
      real: false,
      makeBackend: () => new MemoryBackend(world),
      spec: (name, program, overrides) => makeSpec(name, ["memory", JSON.stringify(program)], overrides),
      crash: (_, app, index) => world.crash(app, index),
      cleanup: async () => undefined,
    };
  },
  { hasProcesses: false },
);

const openWorld = async () => {
  const world = new MemoryWorld();
  const backend = new MemoryBackend(world);
  const changes: string[] = [];
  await backend.open((app) => changes.push(app));
  return { world, backend, changes, spec: makeSpec("api", ["node"]) };
};

test("an instance that an operator stops is gone, and announced", async () => {
  const { world, backend, changes, spec } = await openWorld();
  await backend.start(spec, 0, 1);
  changes.length = 0;
  world.operatorStop("api", 0);
  expect(backend.observe("api")).toEqual([]);
  expect(changes).toEqual(["api"]);
});

test("a refused start fails once and leaves nothing", async () => {
  const { world, backend, spec } = await openWorld();
  world.refuseNextStart("api", 1, "no room");
  await backend.start(spec, 0, 2);
  await expect(backend.start(spec, 1, 2)).rejects.toThrow("no room");
  expect(backend.observe("api")).toHaveLength(1);
  await backend.start(spec, 1, 2);
});

test("a held operation goes on when the test lets it", async () => {
  const { world, backend, spec } = await openWorld();
  let letGo = (): void => undefined;
  world.delay = (operation) => (operation === "start" ? new Promise((resolve) => (letGo = resolve)) : undefined);
  const started = backend.start(spec, 0, 1);
  expect(backend.observe("api")[0]?.status).toBe("starting");
  letGo();
  await started;
  expect(backend.observe("api")[0]?.status).toBe("online");
});

test("an operation under way fails when velosd leaves, and the world carries on with it", async () => {
  const { world, backend, spec } = await openWorld();
  let letGo = (): void => undefined;
  world.delay = () => new Promise((resolve) => (letGo = resolve));
  const refusal = expect(backend.start(spec, 0, 1)).rejects.toMatchObject({ code: "BACKEND_FAILED" });
  await backend.close();
  await refusal;
  const next = new MemoryBackend(world);
  const online = new Promise<void>(
    (resolve) => void next.open(() => next.observe("api")[0]?.status === "online" && resolve()),
  );
  letGo();
  await online;
});

test("restart delays pass with fake timers, doubled up to their limit and back after a stable run", async () => {
  vi.useFakeTimers();
  try {
    const { world, backend, spec } = await openWorld();
    await backend.start({ ...spec, expBackoffRestartDelayMs: 4000, minUptimeMs: 1000 }, 0, 1);
    const delayOf = async (): Promise<number> => {
      const before = Date.now();
      world.crash("api", 0);
      while (backend.observe("api")[0]?.status !== "online") await vi.advanceTimersByTimeAsync(500);
      return Date.now() - before;
    };
    const delays: number[] = [];
    for (let i = 0; i < 4; i++) delays.push(await delayOf());
    await vi.advanceTimersByTimeAsync(1000);
    delays.push(await delayOf());
    expect(delays).toEqual([4000, 8000, 15_000, 15_000, 4000]);
  } finally {
    vi.useRealTimers();
  }
});

test("after a reboot nothing is there, in another epoch", async () => {
  const { world, backend, spec } = await openWorld();
  await backend.start(spec, 0, 1);
  const { epoch } = backend;
  world.reboot();
  expect(backend.observe("api")).toEqual([]);
  expect(backend.epoch).not.toBe(epoch);
});
