import { expect, it } from "vitest";
import { freePort } from "../../backend/free-port.ts";
import { useScene } from "./scene.ts";
import { until } from "./until.ts";

const scene = useScene();

it("restarts while a rollout is paused are on the spec that an instance has, and the rollout goes on after", async () => {
  const start = (n: number) =>
    scene.velos("start", "sleep 1000", "-n", "api", "-i", "3", "-e", `N=${n}`, "--kill-timeout", "500ms");
  await start(1);
  const updated = start(2);
  const seen = async () => (await scene.instances("api")).map(({ spec, run }) => ({ spec, run }));
  await until("one is replaced", async () => {
    const specs = (await seen()).map(({ spec }) => spec);
    return new Set(specs).size === 2 && specs.every(Boolean);
  });
  await scene.must("rollout", "pause", "api");
  await updated;
  const before = await seen();
  // Which one goes first is open: it costs nothing to take one that is not ready yet, and they come up side by side.
  const replaced = before.findIndex(({ spec }) => before.filter((other) => other.spec === spec).length === 1);
  const [old, left] = [0, 1, 2].filter((index) => index !== replaced) as [number, number];
  await scene.must("restart", `api:${old}`, `api:${replaced}`);
  const after = await seen();
  expect(after.map(({ spec }) => spec)).toEqual(before.map(({ spec }) => spec));
  expect(after.map(({ run }, index) => run === before[index]!.run)).toEqual([0, 1, 2].map((index) => index === left));
  await scene.must("rollout", "resume", "api");
  // Nobody says when such a program is ready: there are two and a half seconds between one and the next.
  await until(
    "all are replaced",
    async () => (await seen()).every(({ spec }) => spec === before[replaced]!.spec),
    60_000,
  );
  expect((await scene.velos("rollout", "status", "api")).stdout).not.toContain("did not come up");
}, 120_000);

it("a health check is taken away and given back by rollouts that end", async () => {
  const port = await freePort();
  const app = scene.write("app.js", `require("http").createServer((_, a) => a.end()).listen(${port});`);
  const config = (health: string): string =>
    scene.write("velos.toml", `[apps.a]\nscript = ${JSON.stringify(app)}\ninstances = 3\nlisten = ${port}\n${health}`);
  for (const health of [
    "",
    `[apps.a.health]\nhttp = "/"\ninterval = "1s"\n`,
    "",
    `[apps.a.health]\nhttp = "/v2"\n`,
    "",
  ])
    await scene.must("apply", "-c", config(health));
}, 120_000);

it("an instance that is unwell is restarted as it is where a rollout has stopped at a failure", async () => {
  const port = await freePort();
  const app = scene.write(
    "app.js",
    `const { existsSync } = require("fs");
    const isSick = () => process.env.BAD || existsSync("sick-" + process.pid);
    require("http").createServer((_, a) => a.writeHead(isSick() ? 500 : 200).end()).listen(${port});`,
  );
  const config = (env: string): string =>
    scene.write(
      "velos.toml",
      `[apps.a]\nscript = ${JSON.stringify(app)}\ninstances = 2\nlisten = ${port}\n${env}
      [apps.a.health]\nhttp = "/"\ninterval = "200ms"\nfailures = 2\n[apps.a.rollout]\non_failure = "stop"\n`,
    );
  await scene.must("apply", "-c", config(""));
  const before = await scene.instances("a");
  expect((await scene.velos("apply", "-c", config('env = { BAD = "1" }'))).code).toBe(1);
  scene.write(`sick-${before[0]!.pid}`, "");
  await until("it has another run", async () => {
    const { run, status } = (await scene.instances("a"))[0]!;
    return run !== before[0]!.run && status === "online";
  });
  const after = await scene.instances("a");
  expect(after.map(({ spec }) => spec)).toEqual(before.map(({ spec }) => spec));
  expect(after[1]!.run).toBe(before[1]!.run);
  expect((await scene.velos("rollout", "status", "a")).stdout).toContain("stopped");
}, 60_000);
