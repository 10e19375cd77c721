import { describe, expect, it } from "vitest";
import { freePort } from "./free-port.ts";
import { useScene } from "./scene.ts";
import { shownInstances } from "./systemctl.ts";
import { nothingLost, reportLoad, underLoad } from "./under-load.ts";
import type { Outcome } from "./velos.ts";
import { ask, readAnswer, webApp } from "./web-app.ts";

const scene = useScene();

/** Writes velos.toml: four instances of a script behind one port. */
const configure = (script: string, port: number, more: string): void => {
  scene.write(
    "velos.toml",
    `[apps.api]\nscript = "${script}"\ninstances = 4\nlisten = [${port}]\nenv = { VERSION = "${script}" }\n${more}`,
  );
};

const crashes = `console.log("reading the settings");
console.error("ERROR: no database at db.example:5432");
process.exit(3);`;
const deaf = `console.log("I shall never listen");
setInterval(() => {}, 1000);`;
const ill = `import http from "node:http";
console.log("the cache is cold");
http.createServer((request, response) => {
  response.statusCode = request.url === "/healthz" ? 500 : 200;
  response.end("ill.mjs " + process.env.NODE_APP_INSTANCE + " " + process.pid);
}).listen(process.env.PORT);`;

interface Case {
  source: string;
  /** Of velos.toml, in both versions. */
  settings?: string;
  why: RegExp;
  log: RegExp;
}

const health = '[apps.api.health]\nhttp = "/healthz"\ninterval = "100ms"\nfailures = 2\n';
const versions: Record<string, Case> = {
  "crashes at start": {
    source: crashes,
    why: /api:4 did not come up \(exit code 3\)/,
    log: /api:4 .*ERROR: no database at db\.example:5432/,
  },
  "never listens": {
    source: deaf,
    settings: '[apps.api.rollout]\ndeadline = "1s"\n',
    why: /api:4 did not come up \(not ready within 1 s\)/,
    log: /api:4 .*I shall never listen/,
  },
  "never listens within listen_timeout": {
    source: deaf,
    settings: 'listen_timeout = "1s"\n',
    why: /api:4 did not come up \(timed out\)/,
    log: /api:4 .*I shall never listen/,
  },
  "answers 500 to its health check": {
    source: ill,
    settings: health,
    why: /api:4 did not come up \(its health check failed: answered 500\)/,
    log: /api:4 .*the cache is cold/,
  },
};

/** Starts the good version, and tries the bad one under load. */
const tryVersion = async ({
  source,
  settings = "",
}: Case): Promise<{ url: string; before: number[]; tried: Outcome }> => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  webApp(scene, "good.mjs");
  scene.write("bad.mjs", source);
  configure("good.mjs", port, settings);
  await scene.must("start", "--config", "velos.toml");
  const before = (await scene.pids("api")) as number[];
  configure("bad.mjs", port, settings);
  let tried: Outcome;
  const seen = await underLoad({ url, by: "body" }, async () => {
    tried = await scene.velos("start", "--config", "velos.toml");
  });
  reportLoad("a version that fails", seen);
  expect(seen).toMatchObject(nothingLost);
  return { url, before, tried: tried! };
};

describe("a new version", () => {
  it.each(Object.entries(versions))(
    "that %s is tried on an extra instance, and no other is touched",
    async (_, version) => {
      const { url, before, tried } = await tryVersion(version);
      expect(tried.code).toBe(1);
      expect(tried.stderr).toMatch(version.why);
      expect(tried.stderr).toMatch(version.log);
      expect(tried.stderr).toMatch(/every instance is back on the spec from before/);
      const after = await scene.instances("api");
      expect(after.map(({ status }) => status)).toEqual(Array(4).fill("online"));
      expect(after.map(({ pid }) => pid)).toEqual(before);
      expect(new Set(after.map(({ spec }) => spec)).size).toBe(1);
      expect((await ask(url)).version).toBe("good.mjs");
      const status = await scene.velos("rollout", "status", "api");
      expect(status.stdout).toMatch(/revert of api: done, no instance had to be replaced/);
      expect(status.stdout).toMatch(/stopped at api:4/);
      const undone = await scene.velos("rollout", "undo", "api");
      expect(undone.code).toBe(1);
      expect(undone.stderr).toMatch(/no rollout to undo: the last one was taken back by itself/);
      // It is over: what the store has is the old version, also for a new velosd.
      await scene.must("kill");
      expect(await scene.pids("api")).toEqual(before);
    },
  );

  it("that fails stays where it stopped with on_failure = stop, and undo brings the old one back", async () => {
    const { url, before, tried } = await tryVersion({
      ...versions["crashes at start"]!,
      settings: 'max_restarts = 2\n[apps.api.rollout]\non_failure = "stop"\nmax_unavailable = 1\n',
    });
    expect(tried.code).toBe(1);
    expect(tried.stderr).toMatch(/api:3 did not come up \(exit code 3\)/);
    expect(tried.stderr).toMatch(/no database/);
    expect(tried.stderr).toMatch(/the other instances go on as before/);
    expect((await scene.pids("api")).slice(0, 3)).toEqual(before.slice(0, 3));
    expect((await ask(url)).version).toBe("good.mjs");
    const status = await scene.velos("rollout", "status", "api");
    expect(status.code).toBe(1);
    expect(status.stdout).toMatch(/update of api: stalled, 0 of 4 replaced/);

    await scene.must("rollout", "undo", "api");
    const after = await scene.instances("api");
    expect(after.map(({ status: one }) => one)).toEqual(Array(4).fill("online"));
    expect(after.slice(0, 3).map(({ pid }) => pid)).toEqual(before.slice(0, 3));
    expect((await scene.must("rollout", "status", "api")).stdout).toMatch(/update of api: done/);
  });

  it("that fails after another one that failed and stayed goes back to the last good one", async () => {
    const { url, before } = await tryVersion({
      ...versions["crashes at start"]!,
      settings: 'max_restarts = 2\n[apps.api.rollout]\non_failure = "stop"\nmax_unavailable = 1\n',
    });
    const port = Number(new URL(url).port);
    scene.write("worse.mjs", "process.exit(4);");
    configure("worse.mjs", port, "");
    const tried = await scene.velos("start", "--config", "velos.toml");
    expect(tried.code).toBe(1);
    expect(tried.stderr).toMatch(/did not come up \(exit code 4\)/);
    expect(tried.stderr).toMatch(/every instance is back on the spec from before/);
    const after = await scene.instances("api");
    expect(after.map(({ status }) => status)).toEqual(Array(4).fill("online"));
    expect(after.slice(0, 3).map(({ pid }) => pid)).toEqual(before.slice(0, 3));
    expect((await ask(url)).version).toBe("good.mjs");
  });

  it("that was put in the place of the old file stops a reload before any instance is touched", async () => {
    const port = await freePort();
    const app = webApp(scene);
    const url = `http://127.0.0.1:${port}/`;
    await scene.must("start", app, "--name", "api", "-i", "4", "--listen", String(port), "--max-restarts", "2");
    const before = await scene.pids("api");
    scene.write("server.mjs", crashes);
    const seen = await underLoad({ url, by: "body" }, async () => {
      const reloaded = await scene.velos("reload", "api");
      expect(reloaded.code).toBe(1);
      expect(reloaded.stderr).toMatch(/api:4 did not come up \(exit code 3\)/);
      expect(reloaded.stderr).toMatch(/no database/);
    });
    expect(seen).toMatchObject(nothingLost);
    expect(new Set(Object.keys(seen.perInstance!).map((body) => readAnswer(body).pid))).toEqual(new Set(before));
    expect(await scene.pids("api")).toEqual(before);

    // The old file again, and all is well with the next reload.
    webApp(scene);
    await scene.must("reload", "api");
    expect((await shownInstances()).size).toBe(4);
    expect((await scene.instances("api")).map(({ status }) => status)).toEqual(Array(4).fill("online"));
  });
});
