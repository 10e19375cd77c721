import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AdoptedProcesses } from "../../src/backend/spawn/adopted.ts";
import type { SpawnBackendOptions } from "../../src/backend/spawn/backend.ts";
import { SpawnBackend } from "../../src/backend/spawn/backend.ts";
import { readProcess } from "../../src/backend/spawn/process-table.ts";
import { SharedSockets } from "../../src/backend/spawn/shared-sockets.ts";
import type { AppSpec } from "../../src/domain/app.ts";
import { hasGivenUp, newTrack, trackRun } from "../../src/domain/crash-track.ts";
import type { ObservedInstance } from "../../src/domain/instance.ts";
import { freePort } from "../backend/free-port.ts";
import { makeSpec } from "../backend/programs.ts";
import { Watched } from "../backend/watched.ts";
import { makeSpawnHarness, programs } from "./spawn-harness.ts";

// What happens to velosd and not to the app: a disk that is full, a keeper that is killed, a clock that is set.

const APP = "setback";

let harness: Awaited<ReturnType<typeof makeSpawnHarness>>;
let watched: Watched | undefined;

beforeEach(async () => {
  harness = await makeSpawnHarness();
});
afterEach(async () => {
  try {
    if (watched === undefined) return;
    const { backend } = watched;
    await Promise.all(backend.observe(APP).map(({ index }) => backend.stop(APP, index)));
    await backend.release(APP);
    await backend.close();
    watched = undefined;
  } finally {
    await harness.cleanup();
  }
});

const open = async (options: Partial<SpawnBackendOptions> = {}): Promise<Watched> =>
  (watched = await new Watched(new SpawnBackend({ stateDir: harness.stateDir, ...programs, ...options })).open());

const sleeper = (overrides: Partial<AppSpec> = {}): AppSpec =>
  makeSpec(APP, ["/bin/sh", "-c", "exec sleep 1000"], { restartDelayMs: 0, ...overrides });

/** Every look at the first instance that velosd was given, as the controller counts crashes. */
const looksOf = ({ seen }: Watched): ObservedInstance[] =>
  seen.flatMap(({ instances }) => instances.filter(({ index }) => index === 0));

/** True for each look at which the controller would have given up. */
const givenUp = (looks: readonly ObservedInstance[]): boolean[] => {
  const limits = { maxRestarts: 1, minUptimeMs: 1000 };
  let track = newTrack();
  return looks.map((look) => {
    track = trackRun(track, look, limits.minUptimeMs);
    return hasGivenUp(track, look, limits, Date.now());
  });
};

/** Waits until the next run was tried several times, and could not begin. */
const untilTriedTwice = async (told: Watched, why: string): Promise<void> => {
  const isPrevented = ({ status, exit }: ObservedInstance): boolean =>
    status === "waiting" && (exit?.result ?? "").includes(why);
  await told.until(APP, 0, `tried twice: ${why}`, () => looksOf(told).filter(isPrevented).length >= 2);
};

const expectOneRestart = (told: Watched): void => {
  const looks = looksOf(told);
  expect(looks.at(-1)?.restarts).toBe(1);
  expect(new Set(looks.map(({ run }) => run)).size).toBe(2);
  expect(new Set(looks.flatMap(({ exit }) => exit?.at ?? [])).size).toBe(1);
  expect(givenUp(looks)).not.toContain(true);
};

describe("a run that cannot begin, without the app being to blame", () => {
  test("for a state that cannot be written: tried again until it can be, which counts as one restart", async () => {
    const told = await open();
    await told.backend.start(sleeper(), 0, 1);
    // Nobody can write a file of that name, not even root: as on a disk that is full.
    const obstacle = join(harness.stateDir, "spawn", APP, "0.json.new");
    mkdirSync(obstacle);
    harness.crash(told.backend, APP, 0);
    await untilTriedTwice(told, "cannot write its state");
    rmdirSync(obstacle);
    const after = await told.until(APP, 0, "online", ({ status }) => status === "online");
    expect(after.exit).toMatchObject({ signal: "SIGKILL" });
    expectOneRestart(told);
  });

  test("for sockets that are held by others of its app: tried again until they are gone", async () => {
    const told = await open();
    const spec = sleeper({ listen: [{ host: "127.0.0.1", port: await freePort() }] });
    await told.backend.prepare(spec);
    await told.backend.start(spec, 0, 2);
    await told.backend.start(spec, 1, 2);
    const keeper = readProcess(told.one(APP, 0)!.pid!)!.parent;
    expect(keeper).not.toBe(process.pid);
    process.kill(keeper, "SIGKILL");
    harness.crash(told.backend, APP, 0);
    await untilTriedTwice(told, "is held by instances from before the keeper of its sockets was ended");
    await told.backend.stop(APP, 1);
    await told.until(APP, 0, "online", ({ status }) => status === "online");
    expectOneRestart(told);
  });
});

test("a restart delay that an earlier velosd began is not prolonged by a clock that was set back", async () => {
  const before = await open();
  await before.backend.start(sleeper({ restartDelayMs: 1000 }), 0, 1);
  harness.crash(before.backend, APP, 0);
  await before.until(APP, 0, "waiting", ({ status }) => status === "waiting");
  await before.backend.close();
  const after = await open({ now: () => Date.now() - 3_600_000 });
  await after.until(APP, 0, "online", ({ status, restarts }) => status === "online" && restarts === 1);
});

test("sockets that are being opened while they are closed are closed in the end", async () => {
  const leaving = new AbortController();
  const { stateDir } = harness;
  const port = await freePort();
  const sockets = new SharedSockets({
    stateDir,
    keeper: programs.keeper,
    adopted: new AdoptedProcesses(),
    leaving: leaving.signal,
    report: () => undefined,
  });
  try {
    const opened = sockets.ensure(sleeper({ listen: [{ host: "127.0.0.1", port }] }));
    await sockets.close(APP);
    await opened;
    expect(sockets.apps()).toEqual([]);
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  } finally {
    await sockets.close(APP);
    leaving.abort();
    sockets.leave();
  }
});
