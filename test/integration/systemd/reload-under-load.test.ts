import { describe, expect, it } from "vitest";
import { freePort } from "./free-port.ts";
import { useScene } from "./scene.ts";
import type { Load } from "./under-load.ts";
import { nothingLost, reportLoad, underLoad } from "./under-load.ts";
import { until } from "./until.ts";
import { webApp } from "./web-app.ts";

const scene = useScene();

const CLIENTS = 16;

/** Starts the web server; returns its URL. */
const start = async (instances: number, ...flags: string[]): Promise<string> => {
  const port = await freePort();
  await scene.must(
    "start",
    webApp(scene),
    "--name",
    "api",
    "-i",
    String(instances),
    "--listen",
    String(port),
    ...flags,
  );
  return `http://127.0.0.1:${port}/`;
};

interface Case {
  instances: number;
  reloads: number;
  flags?: string[];
  load?: Partial<Load>;
}

const cases: Record<string, Case> = {
  "keep-alive": { instances: 4, reloads: 2 },
  "a connection per request": { instances: 4, reloads: 2, load: { keepAlive: false } },
  "slow answers in flight, keep-alive": { instances: 4, reloads: 1, flags: ["-e", "DELAY_MS=500"] },
  "slow answers in flight, a connection each": {
    instances: 2,
    reloads: 1,
    flags: ["-e", "DELAY_MS=500"],
    load: { keepAlive: false },
  },
  "one instance": { instances: 1, reloads: 2 },
  "one instance, a connection per request": { instances: 1, reloads: 2, load: { keepAlive: false } },
};

describe("a reload under load loses no request", () => {
  it.each(Object.entries(cases))("%s", async (name, { instances, reloads, flags = [], load = {} }) => {
    const url = await start(instances, ...flags);
    const before = await scene.pids("api");
    const seen = await underLoad({ url, clients: CLIENTS, ...load }, async () => {
      for (let reload = 0; reload < reloads; reload++) await scene.must("reload", "api");
    });
    reportLoad(name, seen);
    expect(seen).toMatchObject(nothingLost);
    const after = await scene.instances("api");
    expect(after.map(({ status, restarts }) => [status, restarts])).toEqual(Array(instances).fill(["online", reloads]));
    for (const pid of before) expect(after.map((instance) => instance.pid)).not.toContain(pid);
  });

  it("one instance with surge: nobody waits for its boot either", async () => {
    const port = await freePort();
    webApp(scene);
    // Slow to boot: requests that had to wait for it would show.
    scene.write(
      "late.mjs",
      `await new Promise((resolve) => setTimeout(resolve, 1500));\nawait import("./server.mjs");`,
    );
    scene.write("velos.toml", `[apps.api]\nscript = "late.mjs"\nlisten = [${port}]\n[apps.api.rollout]\nsurge = 1\n`);
    await scene.must("start", "--config", "velos.toml");
    const seen = await underLoad({ url: `http://127.0.0.1:${port}/`, clients: CLIENTS, keepAlive: false }, async () =>
      scene.must("reload", "api"),
    );
    reportLoad("one instance, surge = 1, boots in 1.5 s", seen);
    expect(seen).toMatchObject(nothingLost);
    expect(seen.latencyMs.max).toBeLessThan(1500);
    expect(await scene.instances("api")).toMatchObject([{ index: 0, status: "online" }]);
  });
});

describe("under load", () => {
  it.each([
    ["keep-alive", true],
    ["a connection per request", false],
  ])("scale 4 → 8 → 2 loses no request: %s", async (name, keepAlive) => {
    const url = await start(4);
    const seen = await underLoad({ url, clients: CLIENTS, keepAlive }, async () => {
      await scene.must("scale", "api", "8");
      await scene.must("scale", "api", "2");
    });
    reportLoad(`scale, ${name}`, seen);
    expect(seen).toMatchObject(nothingLost);
    expect(await scene.instances("api")).toMatchObject([{ status: "online" }, { status: "online" }]);
  });

  it("scale-down answers what is in flight, however slow", async () => {
    const url = await start(4, "-e", "DELAY_MS=500");
    const seen = await underLoad({ url, clients: CLIENTS }, async () => scene.must("scale", "api", "1"));
    reportLoad("scale 4 → 1, slow answers", seen);
    expect(seen).toMatchObject(nothingLost);
  });

  it("kill -9 of velosd in the middle of a reload loses no request, and the reload goes on", async () => {
    const url = await start(4);
    const before = await scene.pids("api");
    const velosd = await scene.connect();
    const pid = await scene.daemonPid();
    const seen = await underLoad({ url, clients: CLIENTS }, async () => {
      const reload = scene.velos("reload", "api");
      await until("the first instance is being replaced", async () => {
        const [app] = (await velosd.call("list", {})).apps;
        return app!.processes[3]!.pid !== before[3];
      });
      process.kill(pid, "SIGKILL");
      const cut = await reload;
      expect(cut.code).toBe(4);
      expect((await scene.must("rollout", "status", "api", "--watch")).stdout).toMatch(
        /reload of api: done, 4 of 4 replaced/,
      );
    });
    reportLoad("kill -9 of velosd during a reload", seen);
    expect(seen).toMatchObject(nothingLost);
    expect(await scene.daemonPid()).not.toBe(pid);
    const after = await scene.instances("api");
    expect(after.map(({ status, restarts }) => [status, restarts])).toEqual(Array(4).fill(["online", 1]));
    for (const old of before) expect(after.map((instance) => instance.pid)).not.toContain(old);
  });
});
