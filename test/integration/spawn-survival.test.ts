import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { SpawnBackend } from "../../src/backend/spawn/backend.ts";
import { hasEnvironment, readAllProcesses, startTimeOf } from "../../src/backend/spawn/process-table.ts";
import type { InstanceState } from "../../src/backend/spawn/state-file.ts";
import type { ListenAddress } from "../../src/domain/listen.ts";
import { freePort } from "../backend/free-port.ts";
import { firstMessages, isRunning } from "../backend/harness.ts";
import { makeSpec } from "../backend/programs.ts";
import { Watched } from "../backend/watched.ts";
import { makeSpawnHarness, programs } from "./spawn-harness.ts";

// velosd's death for real: a process of its own that runs a spawn backend, and is ended by SIGKILL.

let harness: Awaited<ReturnType<typeof makeSpawnHarness>>;
let app = "";
let serial = 0;
let velosdPath = "";
let velosdHome: Awaited<ReturnType<typeof makeSpawnHarness>>;
let watched: Watched | undefined;

const VELOSD = `
  import { SpawnBackend } from "./src/backend/spawn/backend.ts";
  const { stateDir, preload, keeper, specs, steps } = JSON.parse(process.argv[2]);
  const backend = new SpawnBackend({ stateDir, preload, keeper });
  await backend.open(() => {});
  console.log("open");
  for (const spec of specs) await backend.prepare(spec);
  const act = (operation, spec, index) =>
    operation === "start" ? backend.start(spec, index, 4) : backend[operation](spec.name, index);
  for (const operation of steps) await Promise.all(specs.flatMap((spec) => [0, 1, 2, 3].map((index) => act(operation, spec, index))));
  console.log("done");
  setInterval(() => {}, 1e6);
`;

beforeAll(async () => {
  velosdHome = await makeSpawnHarness();
  velosdPath = join(velosdHome.stateDir, "velosd.mjs");
  await build({
    stdin: { contents: VELOSD, resolveDir: join(import.meta.dirname, "../.."), loader: "ts" },
    ...{
      bundle: true,
      platform: "node",
      format: "esm",
      outfile: velosdPath,
      logLevel: "error",
      external: ["systeminformation"],
    },
  });
});
afterAll(() => velosdHome.cleanup());

beforeEach(async () => {
  harness = await makeSpawnHarness();
  app = `survival-${process.pid}-${++serial}`;
});
afterEach(async () => {
  try {
    await watched?.backend.close();
    watched = undefined;
    // Whatever a failed test left: these are the test's own, as their environment says.
    for (const { pid } of processesOf(app)) process.kill(pid, "SIGKILL");
  } finally {
    await harness.cleanup();
  }
});

const processesOf = (name: string) => readAllProcesses().filter(({ pid }) => hasEnvironment(pid, "VELOS_APP", name));

const velosd = (steps: string[], program = "exec sleep 1000", listen: ListenAddress[] = []): ChildProcess => {
  const specs = [makeSpec(app, ["/bin/sh", "-c", program], { restartDelayMs: 20, listen })];
  return spawn(
    process.execPath,
    [velosdPath, JSON.stringify({ stateDir: harness.stateDir, ...programs, specs, steps })],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
};

/** Waits until velosd has printed the word. */
const says = async (child: ChildProcess, word: string): Promise<void> => {
  for await (const text of child.stdout!.iterator({ destroyOnReturn: false })) if (String(text).includes(word)) return;
};

const kill = async (child: ChildProcess): Promise<void> => {
  expect(child.exitCode, "velosd ended by itself").toBeNull();
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
};

const open = async (): Promise<Watched> =>
  (watched = await new Watched(new SpawnBackend({ stateDir: harness.stateDir, ...programs })).open());

const statePath = (index = 0): string => join(harness.stateDir, "spawn", app, `${index}.json`);
const readState = (index = 0): InstanceState => JSON.parse(readFileSync(statePath(index), "utf8")) as InstanceState;

test.each([
  { what: "children of velosd's", rounds: 40, listens: false },
  { what: "children of a keeper's", rounds: 20, listens: true },
])(
  "velosd killed at any moment of start, restart and stop: every process is owned, none twice: $what",
  { timeout: 120_000 },
  async ({ rounds, listens }) => {
    const listen = listens ? [{ host: "127.0.0.1", port: await freePort() }] : [];
    let ownedInAll = 0;
    // The first is let do all of it, which tells how long that takes on this machine; the others die on the way.
    let takesMs = 0;
    for (let round = 0; round <= rounds; round++) {
      app = `survival-${process.pid}-${++serial}`;
      const child = velosd(["start", "restart", "stop", "start", "restart"], undefined, listen);
      await says(child, "open");
      const began = performance.now();
      if (round === 0) {
        await says(child, "done");
        takesMs = performance.now() - began;
      } else await new Promise((resolve) => setTimeout(resolve, ((round - 0.5) * takesMs) / rounds));
      await kill(child);
      const { backend } = await open();
      const settled = () => backend.observe(app).every(({ status }) => status === "online");
      for (const { index } of backend.observe(app)) {
        // Each becomes online, or it was being stopped and is gone.
        await Promise.race([
          watched!.until(app, index, "online", ({ status }) => status === "online"),
          watched!.untilGone(app, index),
        ]).catch(() => undefined);
      }
      expect(settled()).toBe(true);
      const owned = backend.observe(app).map(({ pid }) => pid);
      const leaders = processesOf(app).filter(({ pid, session, state }) => pid === session && state !== "Z");
      ownedInAll += owned.length;
      expect(leaders.map(({ pid }) => pid).sort()).toEqual([...owned].sort());
      await Promise.all(backend.observe(app).map(({ index }) => backend.stop(app, index)));
      expect(processesOf(app)).toEqual([]);
      // Closes the sockets, whatever velosd had got done about them: the next round opens them anew.
      await backend.release(app);
      expect(backend.apps()).toEqual([]);
      await backend.close();
    }
    // So that the test has looked at something.
    expect(ownedInAll).toBeGreaterThan(rounds);
  },
);

test("what is written while velosd is away is not lost, and nothing blocks", async () => {
  const child = velosd(
    ["start"],
    'i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done; echo end; exec sleep 1000',
  );
  await says(child, "done");
  await kill(child);
  const { backend } = await open();
  const messages = await firstMessages(backend, app, 1000, 2);
  expect(messages.length).toBeGreaterThan(0);
  await expect
    .poll(() => readFileSync(join(harness.stateDir, "logs", app, "2.log"), "utf8").endsWith("end\n"), {
      timeout: 10_000,
    })
    .toBe(true);
  const lines = readFileSync(join(harness.stateDir, "logs", app, "2.log"), "utf8").split("\n");
  expect(lines.slice(0, 20_000)).toEqual(Array.from({ length: 20_000 }, (_, at) => `line ${at}`));
  await Promise.all(backend.observe(app).map(({ index }) => backend.stop(app, index)));
});

const startOne = async (program = "exec sleep 1000", overrides = {}) => {
  const { backend } = await open();
  await backend.start(makeSpec(app, ["/bin/sh", "-c", program], overrides), 0, 1);
  return backend.observe(app)[0]!;
};

test("a run whose pid was not written down is found by its name", async () => {
  const { pid, run } = await startOne();
  await watched!.backend.close();
  const { pid: _, startTime: __, startedAt: ___, onlineAt: ____, ...state } = readState();
  writeFileSync(statePath(), JSON.stringify({ ...state, phase: "spawning", spawner: "an earlier velosd" }));
  const { backend } = await open();
  expect(backend.observe(app)).toMatchObject([{ pid, run, status: "online", restarts: 0 }]);
  expect(readState()).toMatchObject({ pid, phase: "running" });
});

test("a run that was announced and never had a process is begun", async () => {
  const { pid } = await startOne();
  await watched!.backend.close();
  process.kill(pid!, "SIGKILL");
  const { pid: _, startTime: __, ...state } = readState();
  writeFileSync(statePath(), JSON.stringify({ ...state, phase: "spawning", spawner: "velosd", run: "0".repeat(32) }));
  await open();
  const instance = await watched!.until(app, 0, "online", ({ status }) => status === "online");
  expect(instance.restarts).toBe(0);
});

test("a pid that belongs to another process by now is neither adopted nor touched", async () => {
  const { pid } = await startOne("exec sleep 1000", { autorestart: false });
  await watched!.backend.close();
  writeFileSync(statePath(), JSON.stringify({ ...readState(), startTime: "1", run: "f".repeat(32) }));
  const { backend } = await open();
  expect(backend.observe(app)).toMatchObject([{ status: "stopped" }]);
  await backend.stop(app, 0);
  expect(await isRunning(pid!)).toBe(true);
});

test("children of a run that died while velosd was away are ended", async () => {
  const { pid } = await startOne("sleep 1000 & echo child $!; wait", { autorestart: false });
  const child = Number((await firstMessages(watched!.backend, app, 1))[0]?.replace("child ", ""));
  await watched!.backend.close();
  process.kill(pid!, "SIGKILL");
  await expect.poll(() => startTimeOf(pid!)).toBeUndefined();
  expect(await isRunning(child)).toBe(true);
  await open();
  await expect.poll(() => isRunning(child)).toBe(false);
});

test("what another epoch left is forgotten, what cannot be read is moved aside", async () => {
  const { pid } = await startOne();
  await watched!.backend.close();
  const state = readState();
  writeFileSync(statePath(), JSON.stringify({ ...state, epoch: "another" }));
  writeFileSync(statePath(1), "{ half");
  const { backend } = await open();
  expect(backend.apps()).toEqual([]);
  expect(readdirSync(join(harness.stateDir, "spawn", app))).toEqual(["1.json.unreadable"]);
  expect(await isRunning(pid!)).toBe(true);
});
