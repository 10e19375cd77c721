import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { commandLineOf } from "./environ.ts";
import { freePort } from "./free-port.ts";
import { useScene } from "./scene.ts";
import { property, syncJournal } from "./systemctl.ts";
import type { Load } from "./under-load.ts";
import { nothingLost, reportLoad, underLoad } from "./under-load.ts";
import { until } from "./until.ts";

const scene = useScene();

const example = (name: string): string => resolve("packaging/examples", name);

/** Reloads an app under load, and expects that nothing is lost and every instance is a new one. */
const expectReload = async (app: string, load: Load): Promise<void> => {
  const before = await scene.pids(app);
  const seen = await underLoad({ ...load, by: "body" }, async () => scene.must("reload", app));
  reportLoad(`${app}, reload`, seen);
  expect(seen).toMatchObject(nothingLost);
  for (const body of Object.keys(seen.perInstance!)) expect(body).toMatch(/^hello from instance \d \(pid \d+\)\n$/);
  for (const pid of await scene.pids(app)) expect(before).not.toContain(pid);
};

/** What an instance wrote last. */
const lastLine = async (app: string): Promise<string> => {
  await syncJournal();
  return (await scene.must("logs", app, "-n", "1")).stdout;
};

describe("packaging/examples", () => {
  it.each([
    ["keep-alive", true],
    ["a connection per request", false],
  ])("http.mjs is reloaded under load: %s", async (_, keepAlive) => {
    const port = await freePort();
    await scene.must("start", example("http.mjs"), "-i", "2", "--listen", String(port));
    await expectReload("http", { url: `http://127.0.0.1:${port}/`, keepAlive });
  });

  it("own-drain.mjs is reloaded under load", async () => {
    const port = await freePort();
    await scene.must("start", example("own-drain.mjs"), "-i", "2", "--listen", String(port));
    await expectReload("own-drain", { url: `http://127.0.0.1:${port}/` });
    expect((await scene.must("logs", "own-drain", "-n", "100")).stdout).toMatch(/everything is answered/);
  });

  it("wsgi.py, behind gunicorn with the inherited socket, is reloaded under load", async () => {
    const port = await freePort();
    const source = readFileSync(example("wsgi.py"), "utf8");
    const [, command] = /^ {4}velos start (gunicorn .*)$/m.exec(source)!;
    const words = command!.replace("8000", String(port)).split(" ");
    const dashes = words.indexOf("--");
    words.splice(dashes, 0, "--cwd", example(""));
    await scene.must("start", ...words);
    expect(await property("velos-wsgi@0", "Type")).toBe("notify");
    const [pid] = await scene.pids("wsgi");
    expect(commandLineOf(pid!)).toContain("/usr/bin/gunicorn");
    await expectReload("wsgi", { url: `http://127.0.0.1:${port}/`, keepAlive: false });
  });

  it("worker.sh finishes its job when it is told to stop", async () => {
    await scene.must("start", example("worker.sh"), "-i", "2", "-e", "JOB_SECONDS=0.5");
    expect(await property("velos-worker@0", "Type")).toBe("exec");
    await until("it runs", async () => (await lastLine("worker")).includes("begins"));
    await scene.must("stop", "worker");
    expect(await lastLine("worker")).toMatch(/has finished its last job/);
    expect((await scene.instances("worker")).map(({ status }) => status)).toEqual(["stopped", "stopped"]);
  });

  it("notify.sh is online when it has said so", async () => {
    await scene.must("start", example("notify.sh"), "--wait-ready", "-e", "LOAD_SECONDS=0.5");
    expect((await scene.must("logs", "notify")).stdout).toMatch(/loading/);
    expect(await property("velos-notify@0", "SubState")).toBe("running");
    await scene.must("reload", "notify");
    expect(await scene.instances("notify")).toMatchObject([{ status: "online", restarts: 1 }]);
  });
});
