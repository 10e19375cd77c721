import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AppSpec } from "../../src/domain/app.ts";
import { fingerprint } from "../../src/domain/app.ts";
import type { BackendHarness } from "./harness.ts";
import { firstMessages, isRunning, takeLines } from "./harness.ts";
import type { Program } from "./programs.ts";
import { processContract } from "./process-contract.ts";
import { Watched } from "./watched.ts";

const dead = ["stopped", "errored"];
let serial = 0;

/** What the tests of one backend share: a fresh harness and an open backend for each. */
export interface ContractContext {
  harness: BackendHarness;
  /** The backend that is open now. */
  watched: Watched;
  /** An app's name that no other test uses. */
  app: string;
  /** Prepares and starts instance 0 (of `count`) of the test's app. */
  start(program: Program, overrides?: Partial<AppSpec>, index?: number, count?: number): Promise<AppSpec>;
  /** velosd's death and its successor. */
  replaceVelosd(): Promise<void>;
}

/**
 * The promises of `Backend`, for any backend: `backendContract("spawn", makeSpawnHarness)`.
 * @param makeHarness is called before every test; its `cleanup` after it
 */
export const backendContract = (name: string, makeHarness: () => Promise<BackendHarness>): void => {
  describe(`the backend contract: ${name}`, () => {
    const context = {} as ContractContext;

    beforeEach(async () => {
      context.harness = await makeHarness();
      context.app = `contract-${process.pid}-${++serial}`;
      context.watched = await new Watched(context.harness.makeBackend()).open();
      context.start = async (program, overrides = {}, index = 0, count = 1) => {
        const spec = context.harness.spec(context.app, program, overrides);
        await context.watched.backend.prepare(spec);
        await context.watched.backend.start(spec, index, count);
        return spec;
      };
      context.replaceVelosd = async () => {
        await context.watched.backend.close();
        context.watched = await new Watched(context.harness.makeBackend()).open();
      };
    });

    afterEach(async () => {
      try {
        const { backend } = context.watched;
        for (const app of backend.apps()) {
          await Promise.allSettled(backend.observe(app).map(({ index }) => backend.stop(app, index)));
          await backend.release(app);
        }
        await backend.close();
      } finally {
        await context.harness.cleanup();
      }
    });

    lifeContract(context);
    restartContract(context);
    adoptionContract(context);
    readinessContract(context);
    logContract(context);
    processContract(context);
  });
};

const lifeContract = (context: ContractContext): void => {
  test("a started instance is online, and announced", async () => {
    const spec = await context.start({ does: "run" });
    const { backend, seen } = context.watched;
    const instance = await context.watched.until(context.app, 0, "online", ({ status }) => status === "online");
    expect(instance).toMatchObject({ index: 0, fingerprint: fingerprint(spec), restarts: 0 });
    expect(instance.run).not.toBe("");
    expect(instance.unit).not.toBe("");
    expect(Math.abs(Date.now() - (instance.startedAt ?? 0))).toBeLessThan(10_000);
    expect(instance.onlineAt).toBeGreaterThanOrEqual(instance.startedAt ?? Infinity);
    expect(backend.apps()).toContain(context.app);
    expect(seen.map(({ app }) => app)).toContain(context.app);
  });

  test("an app that was never started is not there", () => {
    expect(context.watched.backend.apps()).not.toContain(context.app);
    expect(context.watched.backend.observe(context.app)).toEqual([]);
  });

  test("instances are listed in ascending order", async () => {
    for (const index of [2, 0, 10]) await context.start({ does: "run" }, {}, index, 11);
    expect(context.watched.backend.observe(context.app).map(({ index }) => index)).toEqual([0, 2, 10]);
  });

  test("an instance that is there is not started again", async () => {
    await context.start({ does: "run" });
    const before = context.watched.one(context.app, 0);
    await expect(context.start({ does: "run" })).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    expect(context.watched.one(context.app, 0)).toEqual(before);
  });

  test("of two starts at the same moment one is refused", async () => {
    const results = await Promise.allSettled([context.start({ does: "run" }), context.start({ does: "run" })]);
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await context.watched.until(context.app, 0, "online", ({ status }) => status === "online");
  });

  test("a stopped instance is gone, and its name is free", async () => {
    await context.start({ does: "run" });
    const { backend } = context.watched;
    const { run } = context.watched.one(context.app, 0)!;
    await backend.stop(context.app, 0);
    await context.watched.untilGone(context.app, 0);
    expect(backend.apps()).not.toContain(context.app);
    await context.start({ does: "run" });
    expect(context.watched.one(context.app, 0)?.run).not.toBe(run);
  });

  test("stopping what is not there does nothing; two stops at once both end well", async () => {
    const { backend } = context.watched;
    await backend.stop(context.app, 0);
    await context.start({ does: "run" });
    await Promise.all([backend.stop(context.app, 0), backend.stop(context.app, 0)]);
    await context.watched.untilGone(context.app, 0);
  });

  test("stopping one instance leaves the others alone", async () => {
    await context.start({ does: "run" }, {}, 0, 2);
    await context.start({ does: "run" }, {}, 1, 2);
    const before = context.watched.one(context.app, 1);
    await context.watched.backend.stop(context.app, 0);
    await context.watched.untilGone(context.app, 0);
    expect(context.watched.one(context.app, 1)).toEqual(before);
  });

  test("an instance that ignores the signal is killed after its kill timeout", async () => {
    await context.start({ does: "ignore-sigterm" }, { killTimeoutMs: 300 });
    await context.watched.until(context.app, 0, "online", ({ status }) => status === "online");
    const before = Date.now();
    await context.watched.backend.stop(context.app, 0);
    expect(Date.now() - before).toBeLessThan(3000);
    await context.watched.untilGone(context.app, 0);
  });

  test("a restart gives a new run on the same spec", async () => {
    const spec = await context.start({ does: "run" });
    const before = context.watched.one(context.app, 0)!;
    await context.watched.backend.restart(context.app, 0);
    const after = await context.watched.until(context.app, 0, "on a new run", ({ status, run }) => status === "online" && run !== before.run);
    expect(after).toMatchObject({ fingerprint: fingerprint(spec), restarts: 0 });
  });

  test("restarting what is not there is refused", async () => {
    await expect(context.watched.backend.restart(context.app, 0)).rejects.toMatchObject({ code: "BACKEND_FAILED" });
  });

  test("clear leaves alone what runs", async () => {
    await context.start({ does: "run" });
    await context.watched.backend.clear(context.app, 0).catch(() => undefined);
    expect(context.watched.one(context.app, 0)?.status).toBe("online");
  });

  test("limits are adjusted without a new run", async () => {
    const spec = await context.start({ does: "run" });
    const before = context.watched.one(context.app, 0)!;
    await context.watched.backend.adjust({ ...spec, memoryMaxBytes: 512 * 2 ** 20, tasksMax: 100, maxRestarts: 3 });
    expect(context.watched.one(context.app, 0)).toMatchObject({ run: before.run, status: "online" });
  });

  test("prepare and release may be repeated", async () => {
    const { backend } = context.watched;
    const spec = context.harness.spec(context.app, { does: "run" });
    for (let i = 0; i < 2; i++) await backend.prepare(spec);
    for (let i = 0; i < 2; i++) await backend.release(context.app);
    expect(backend.apps()).not.toContain(context.app);
  });

  test("an instance is told who it is", async () => {
    const env = { MINE: "1", PORT: "4000" };
    const spec = await context.start({ does: "run" }, { env, incrementVar: "PORT", instanceVar: "WORKER" }, 2, 3);
    expect(await context.watched.backend.environment(context.app, 2)).toMatchObject({
      VELOS_APP: context.app,
      VELOS_INSTANCE_ID: "2",
      VELOS_INSTANCES: "3",
      NODE_APP_INSTANCE: "2",
      VELOS_SPEC: fingerprint(spec),
      WORKER: "2",
      PORT: "4002",
      MINE: "1",
    });
  });

  test("the backend says what it can", async () => {
    const { backend } = context.watched;
    expect((await backend.facilities()).length).toBeGreaterThan(0);
    expect(backend.epoch).not.toBe("");
  });
};

const restartContract = (context: ContractContext): void => {
  test("a crashed instance waits, then runs again: one restart, another run", async () => {
    await context.start({ does: "run" }, { restartDelayMs: 200 });
    const { backend } = context.watched;
    const before = await context.watched.until(context.app, 0, "online", ({ status }) => status === "online");
    context.harness.crash(backend, context.app, 0);
    await context.watched.until(context.app, 0, "waiting", ({ status }) => status === "waiting");
    const after = await context.watched.until(context.app, 0, "restarted", ({ status, restarts }) => status === "online" && restarts === 1);
    expect(after.run).not.toBe(before.run);
    expect(after.fingerprint).toBe(before.fingerprint);
    expect(after.exit).toMatchObject({ signal: "SIGKILL" });
  });

  test("each crash counts; a restart by hand begins again at 0", async () => {
    await context.start({ does: "run" }, { restartDelayMs: 0 });
    const { backend } = context.watched;
    for (let count = 1; count <= 2; count++) {
      context.harness.crash(backend, context.app, 0);
      await context.watched.until(context.app, 0, `restart ${count}`, ({ status, restarts }) => status === "online" && restarts === count);
    }
    await backend.restart(context.app, 0);
    await context.watched.until(context.app, 0, "online", ({ status, restarts }) => status === "online" && restarts === 0);
  });

  test("a waiting instance can be stopped", async () => {
    await context.start({ does: "run" }, { restartDelayMs: 60_000 });
    const { backend } = context.watched;
    context.harness.crash(backend, context.app, 0);
    await context.watched.until(context.app, 0, "waiting", ({ status }) => status === "waiting");
    await backend.stop(context.app, 0);
    await context.watched.untilGone(context.app, 0);
  });

  test("a waiting instance can be restarted without waiting longer", async () => {
    await context.start({ does: "run" }, { restartDelayMs: 60_000 });
    const { backend } = context.watched;
    context.harness.crash(backend, context.app, 0);
    await context.watched.until(context.app, 0, "waiting", ({ status }) => status === "waiting");
    await backend.restart(context.app, 0);
    await context.watched.until(context.app, 0, "online", ({ status }) => status === "online");
  });

  test("with autorestart off it stays down, its exit is told, and clear frees the name", async () => {
    await context.start({ does: "exit", code: 3 }, { autorestart: false });
    const { backend } = context.watched;
    const instance = await context.watched.until(context.app, 0, "dead", ({ status }) => dead.includes(status));
    expect(instance).toMatchObject({ status: "errored", restarts: 0, exit: { code: 3 } });
    await backend.clear(context.app, 0);
    await context.watched.untilGone(context.app, 0);
    await context.start({ does: "run" }, { autorestart: false });
  });

  test("a dead instance keeps its name until it is cleared or stopped", async () => {
    await context.start({ does: "exit", code: 3 }, { autorestart: false });
    await context.watched.until(context.app, 0, "dead", ({ status }) => dead.includes(status));
    await expect(context.start({ does: "run" })).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    await context.watched.backend.stop(context.app, 0);
    await context.watched.backend.clear(context.app, 0);
    await context.watched.untilGone(context.app, 0);
  });

  test("an exit code of stop_exit_codes is no reason to restart", async () => {
    await context.start({ does: "exit", code: 7 }, { stopExitCodes: [7], restartDelayMs: 0 });
    const { watched, app } = context;
    // A clean end may leave nothing to see (systemd unloads such a unit), or a stopped instance.
    await expect.poll(() => ["absent", "stopped"].includes(watched.one(app, 0)?.status ?? "absent"), { timeout: 5000 }).toBe(true);
    expect(watched.one(app, 0)?.restarts ?? 0).toBe(0);
    expect(watched.statuses(app, 0)).not.toContain("waiting");
  });

  test("any other exit code is", async () => {
    await context.start({ does: "exit", code: 6 }, { stopExitCodes: [7], restartDelayMs: 50 });
    await context.watched.until(context.app, 0, "restarted", ({ restarts }) => restarts >= 2);
    expect(context.watched.one(context.app, 0)?.exit).toMatchObject({ code: 6 });
  });

  test("even a clean exit is, as long as autorestart is on", async () => {
    await context.start({ does: "exit", code: 0 }, { restartDelayMs: 50 });
    await context.watched.until(context.app, 0, "restarted", ({ restarts }) => restarts >= 1);
  });
};

const adoptionContract = (context: ContractContext): void => {
  test("instances outlive velosd, and the next one finds them as they are", async () => {
    await context.start({ does: "run" }, {}, 0, 2);
    await context.start({ does: "run" }, {}, 1, 2);
    const before = context.watched.backend.observe(context.app);
    const { epoch } = context.watched.backend;
    await context.replaceVelosd();
    expect(context.watched.backend.epoch).toBe(epoch);
    expect(context.watched.backend.apps()).toContain(context.app);
    const essence = before.map(({ index, status, run, pid, fingerprint: print, restarts, unit }) => ({
      ...{ index, status, run, fingerprint: print, restarts, unit },
      ...(pid !== undefined && { pid }),
    }));
    expect(context.watched.backend.observe(context.app)).toMatchObject(essence);
  });

  test("what was adopted can be stopped and restarted", async () => {
    await context.start({ does: "run" }, {}, 0, 2);
    await context.start({ does: "run" }, {}, 1, 2);
    const { run } = context.watched.one(context.app, 1)!;
    await context.replaceVelosd();
    await context.watched.backend.stop(context.app, 0);
    await context.watched.untilGone(context.app, 0);
    await context.watched.backend.restart(context.app, 1);
    await context.watched.until(context.app, 1, "on a new run", (instance) => instance.status === "online" && instance.run !== run);
  });

  test("what was adopted is restarted when it crashes", async () => {
    await context.start({ does: "run" }, { restartDelayMs: 50 });
    await context.replaceVelosd();
    context.harness.crash(context.watched.backend, context.app, 0);
    const after = await context.watched.until(context.app, 0, "restarted", ({ status, restarts }) => status === "online" && restarts === 1);
    expect(after.exit).toBeDefined();
  });

  test("what crashes while velosd is away runs again, and it counts", async () => {
    await context.start({ does: "run" }, { restartDelayMs: 50 });
    const { run } = context.watched.one(context.app, 0)!;
    const { backend } = context.watched;
    const crash = context.harness.crash.bind(context.harness, backend, context.app, 0);
    if (!context.harness.real) {
      await backend.close();
      crash();
    } else {
      const { pid } = context.watched.one(context.app, 0)!;
      await backend.close();
      process.kill(pid!, "SIGKILL");
    }
    context.watched = await new Watched(context.harness.makeBackend()).open();
    const after = await context.watched.until(context.app, 0, "restarted", ({ status, restarts }) => status === "online" && restarts === 1);
    expect(after.run).not.toBe(run);
  });

  test("a dead instance is still there for the next velosd", async () => {
    await context.start({ does: "exit", code: 3 }, { autorestart: false });
    await context.watched.until(context.app, 0, "dead", ({ status }) => dead.includes(status));
    await context.replaceVelosd();
    expect(context.watched.one(context.app, 0)).toMatchObject({ status: "errored", exit: { code: 3 } });
  });
};

const readinessContract = (context: ContractContext): void => {
  test("with wait_ready a start ends when the app is ready", async () => {
    await context.start({ does: "get-ready" }, { waitReady: true });
    expect(context.watched.one(context.app, 0)?.status).toBe("online");
  });

  test("an app that does not get ready in time is ended, and the start fails", async () => {
    const { watched, app } = context;
    const started = context.start({ does: "run" }, { waitReady: true, listenTimeoutMs: 500, autorestart: false });
    const refusal = expect(started).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    const { pid } = await watched.until(app, 0, "starting", (instance) => instance.status === "starting" && (!context.harness.real || instance.pid !== undefined));
    await refusal;
    expect(["absent", ...dead]).toContain(watched.one(app, 0)?.status ?? "absent");
    if (pid !== undefined) expect(await isRunning(pid)).toBe(false);
    await watched.backend.clear(app, 0);
    await context.start({ does: "run" });
  });

  test("an app that ends before it is ready has failed to start", async () => {
    const started = context.start({ does: "exit", code: 4 }, { waitReady: true, autorestart: false });
    await expect(started).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    expect(["absent", ...dead]).toContain(context.watched.one(context.app, 0)?.status ?? "absent");
  });

  test("a stop overtakes a start that is waiting", async () => {
    const started = context.start({ does: "run" }, { waitReady: true, listenTimeoutMs: 60_000 });
    const refusal = expect(started).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    await context.watched.until(context.app, 0, "starting", ({ status }) => status === "starting");
    await context.watched.backend.stop(context.app, 0);
    await refusal;
    await context.watched.untilGone(context.app, 0);
  });
};

const logContract = (context: ContractContext): void => {
  const lines = ["one", '{"level":50,"msg":"two"}', "WARN three", "four \u00e9\u{1f600}"];

  test("the last lines that match are given, oldest first", async () => {
    await context.start({ does: "print", lines });
    const { backend } = context.watched;
    const { app } = context;
    expect(await firstMessages(backend, app, 4)).toEqual(lines);
    const signal = new AbortController().signal;
    const query = async (more: object): Promise<string[]> => {
      const found: string[] = [];
      for await (const line of backend.logs({ app, lines: 100, follow: false, ...more }, signal)) found.push(line.message);
      return found;
    };
    expect(await query({})).toEqual(lines);
    expect(await query({ lines: 2 })).toEqual(lines.slice(2));
    expect(await query({ lines: 1, level: "warn" })).toEqual(["WARN three"]);
    expect(await query({ level: "error" })).toEqual([lines[1]]);
    expect(await query({ grep: "^(one|four)" })).toEqual(["one", lines[3]]);
    expect(await query({ index: 1 })).toEqual([]);
    expect(await query({ since: Date.now() + 60_000 })).toEqual([]);
    expect(await query({ until: Date.now() - 60_000 })).toEqual([]);
    expect(await query({ since: Date.now() - 60_000 })).toEqual(lines);
  });

  test("a line says when, where from and how severe", async () => {
    await context.start({ does: "print", lines: ["<3>broken"] }, {}, 1, 2);
    const [line] = await takeLines(context.watched.backend, { app: context.app, lines: 10, follow: true }, 1);
    expect(line).toMatchObject({ app: context.app, index: 1, level: "error", message: "broken" });
    expect(Math.abs(line!.at / 1000 - Date.now())).toBeLessThan(10_000);
  });

  test("following gives what comes, of instances to come as well, until it is ended", async () => {
    await context.start({ does: "print", lines: ["from 0"] }, {}, 0, 2);
    await firstMessages(context.watched.backend, context.app, 1);
    const following = takeLines(context.watched.backend, { app: context.app, lines: 1, follow: true }, 2);
    await context.start({ does: "print", lines: ["from 1"] }, {}, 1, 2);
    expect((await following).map(({ index, message }) => `${index} ${message}`)).toEqual(["0 from 0", "1 from 1"]);
  });

  test("what is logged outlives velosd", async () => {
    await context.start({ does: "print", lines: ["before"] });
    await firstMessages(context.watched.backend, context.app, 1);
    await context.replaceVelosd();
    expect(await firstMessages(context.watched.backend, context.app, 1)).toEqual(["before"]);
  });
};
