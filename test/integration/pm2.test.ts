import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SpawnHome } from "./spawn-home.ts";
import { freePort } from "./systemd/free-port.ts";
import { until } from "./systemd/until.ts";

const exec = promisify(execFile);
/** The pm2 that the table of its keys was made from. */
const VERSION = "7.0.4";

let tools: string;
let home: SpawnHome;
beforeAll(async () => {
  tools = mkdtempSync(join(tmpdir(), "velos-pm2-"));
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--prefix", tools];
  await exec("npm", ["install", ...options, `pm2@${VERSION}`], { cwd: tools });
}, 120_000);
afterAll(() => rmSync(tools, { recursive: true, force: true }));
beforeEach(() => {
  home = new SpawnHome();
});
afterEach(async () => {
  await pm2("kill").catch(() => undefined);
  await home.close();
});

const pm2 = async (...args: string[]): Promise<string> =>
  (
    await exec(join(tools, "node_modules/.bin/pm2"), args, {
      cwd: home.path,
      env: { PATH: process.env["PATH"], HOME: home.path, PM2_HOME: join(home.path, ".pm2"), SECRET_OF_MINE: "x" },
    })
  ).stdout;

const body = (port: number): Promise<string> =>
  new Promise((done, fail) => {
    get({ port, host: "127.0.0.1", agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => done(text));
    }).on("error", fail);
  });

/** Apps of an ecosystem file as people have them. */
const writeApps = (port: number): void => {
  home.write(
    "server.js",
    `require("http").createServer((_, response) => response.end(JSON.stringify({
       args: process.argv.slice(2), flags: process.execArgv.filter((flag) => flag.startsWith("--max-old")),
       greeting: process.env.GREETING, index: process.env.NODE_APP_INSTANCE }))).listen(process.env.PORT);`,
  );
  home.write("worker.sh", "while :; do echo tick; sleep 0.2; done\n");
  home.write(
    "ecosystem.config.js",
    `module.exports = { apps: [
       { name: "api", script: "server.js", instances: 2, exec_mode: "cluster", args: "a 'b c'",
         node_args: "--max-old-space-size=100", env: { PORT: ${port}, GREETING: "hello there" }, kill_timeout: 3000 },
       { name: "worker", script: "./worker.sh", interpreter: "bash", restart_delay: 500, cron_restart: "0 3 * * *" },
       { name: "line", script: "sleep 1000 && echo x" },
     ] };`,
  );
};

describe("apps of pm2 run under velos as they did before", () => {
  it.each([
    ["its ecosystem file", ["import"]],
    ["what it saved", ["import", "--pm2-dump"]],
  ])("by %s", async (_, words) => {
    const port = await freePort();
    writeApps(port);
    await pm2("start", "ecosystem.config.js");
    const before = JSON.parse(await until("pm2 serves", () => body(port).catch(() => undefined))) as object;
    await pm2("save");
    await pm2("kill");
    await home.must(...words);
    expect((await home.must("apply")).stdout.trim().split("\n").sort()).toEqual([
      "api: created",
      "line: created",
      "worker: created",
    ]);
    expect({ ...(JSON.parse(await body(port)) as object), index: "" }).toEqual({ ...before, index: "" });
    expect((await home.app("api")).processes.map(({ status }) => status)).toEqual(["online", "online"]);
    await until("the worker works", async () => (await home.must("logs", "worker")).stdout.includes("tick"));
    expect((await home.app("line")).online).toBe(1);
    expect((await home.must("apply")).stdout).not.toContain("created");
    const { stdout } = await home.must("env", "api:0", "--json");
    const { env } = JSON.parse(stdout) as { env: Record<string, string> };
    expect(env["GREETING"]).toBe("hello there");
    expect(Object.keys(env).filter((name) => /^(?:PM2_|pm_|unique_id$|api$)/.test(name))).toEqual([]);
  });
});
