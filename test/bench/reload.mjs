// Zero downtime, the long version: an app that knows nothing of velos is reloaded again and again while clients send one
// request after the other. Prints a table; exit status 1 when a request failed or hung, or nothing was replaced.
//
//   node test/bench/reload.mjs [--only WORD] [--reloads 10] [--requests 100000] [--json FILE]
//
// Runs the built CLI under a private user manager (see test/harness/user-manager.sh: it needs root).
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { startLoad } from "../load/load.mjs";

const exec = promisify(execFile);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    reloads: { type: "string", default: "10" },
    requests: { type: "string", default: "100000" },
    json: { type: "string" },
  },
});

if (!process.env.VELOS_BENCH_INSIDE) {
  const { status } = spawnSync(here("../harness/user-manager.sh"), [process.execPath, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { ...process.env, VELOS_BENCH_INSIDE: "1" },
  });
  process.exit(status ?? 1);
}

/** No signal handler, no drain, nothing of velos. */
const SERVER = `
import { createServer } from "node:http";
const delay = Number(process.env.DELAY_MS ?? 0);
const answer = (response) => response.end(String(process.pid));
createServer((_, response) => (delay ? setTimeout(answer, delay, response) : answer(response))).listen(process.env.PORT);
`;

const reload = async (app) => velos("reload", app);

const scale = async (app) => {
  await velos("scale", app, "8");
  await velos("scale", app, "2");
  await velos("scale", app, "4");
};

/** velosd dies when the first instance has been replaced; the next command starts another, which goes on. */
const reloadAndKill = async (app) => {
  const { pid } = JSON.parse((await velos("ping", "--json")).stdout);
  const before = await pids(app);
  const cut = velos("reload", app).catch(() => {});
  while ((await pids(app)).filter((one) => !before.includes(one)).length === 0);
  process.kill(pid, "SIGKILL");
  await cut;
  await velos("rollout", "status", app, "--watch");
};

const rows = [
  { name: "keep-alive", instances: 4, act: reload },
  { name: "a connection per request", instances: 4, keepAlive: false, act: reload },
  { name: "slow answers, keep-alive", instances: 4, clients: 800, delayMs: 500, act: reload },
  { name: "slow answers, a connection each", instances: 4, clients: 800, delayMs: 500, keepAlive: false, act: reload },
  { name: "one instance", instances: 1, act: reload },
  { name: "one instance, a connection each", instances: 1, keepAlive: false, act: reload },
  { name: "one instance, slow answers", instances: 1, clients: 800, delayMs: 500, act: reload },
  { name: "one instance, surge 1", instances: 1, surge: 1, act: reload },
  { name: "scale 4-8-2-4", instances: 4, act: scale },
  { name: "scale 4-8-2-4, a connection each", instances: 4, keepAlive: false, act: scale },
  { name: "velosd killed in each reload", instances: 4, act: reloadAndKill },
];

const UNDISTURBED_MS = 5000;

const directory = mkdtempSync(join(tmpdir(), "velos-bench-"));

const velos = async (...args) =>
  exec(process.execPath, [here("../../dist/velos.cjs"), "--user", ...args], { cwd: directory });

const pids = async (app) =>
  JSON.parse((await velos("list", "--json", app)).stdout).apps[0].processes.map(({ pid }) => pid);

/** Below the range of outgoing connections, and free. */
const freePort = async () => {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    const free = await new Promise((resolve) => {
      const server = createServer().once("error", () => resolve(false));
      server.listen(port, () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
};

const measure = async ({ name, instances, clients = 32, delayMs = 0, keepAlive = true, surge, act }, number) => {
  const app = `bench${number}`;
  const port = await freePort();
  writeFileSync(
    join(directory, "velos.toml"),
    [
      `[apps.${app}]`,
      `script = "server.mjs"`,
      `instances = ${instances}`,
      `listen = [${port}]`,
      `env = { DELAY_MS = "${delayMs}" }`,
      ...(surge === undefined ? [] : [`rollout = { surge = ${surge} }`]),
    ].join("\n"),
  );
  await velos("start", "--config", "velos.toml");
  const url = `http://127.0.0.1:${port}/`;
  // What the clients do to each other while nothing else happens.
  const undisturbed = startLoad({ url, clients, keepAlive });
  await new Promise((resolve) => setTimeout(resolve, UNDISTURBED_MS));
  await undisturbed.stop();
  const alone = (await undisturbed.finished).latencyMs.max;
  const load = startLoad({ url, clients, keepAlive });
  let rounds = 0;
  let actMs = 0;
  try {
    while (rounds < Number(values.reloads) || load.counts.requests < Number(values.requests)) {
      const before = await pids(app);
      const began = performance.now();
      await act(app);
      actMs += performance.now() - began;
      rounds++;
      const after = await pids(app);
      const kept = before.filter((pid) => after.includes(pid)).length;
      if (act !== scale && kept > 0) throw new Error(`${name}: ${kept} instances were not replaced`);
    }
  } finally {
    await load.stop();
    await velos("delete", app);
  }
  const { requests, failed, hung, errors, requestsPerSecond, latencyMs } = await load.finished;
  const over = (value) => Math.round(Math.max(0, value - delayMs));
  return {
    row: name,
    rounds,
    requests,
    failed,
    hung,
    "req/s": requestsPerSecond,
    "p99 over": over(latencyMs.p99),
    "max over": over(latencyMs.max),
    "max alone": over(alone),
    "round ms": Math.round(actMs / rounds),
    ...(failed > 0 && { errors: JSON.stringify(errors) }),
  };
};

let lost = false;
const results = [];
try {
  writeFileSync(join(directory, "server.mjs"), SERVER);
  for (const [number, row] of rows.entries()) {
    if (values.only && !row.name.includes(values.only)) continue;
    const result = await measure(row, number);
    lost ||= result.failed + result.hung > 0;
    results.push(result);
    process.stderr.write(`${JSON.stringify(result)}\n`);
  }
} finally {
  await velos("kill").catch(() => {});
  rmSync(directory, { recursive: true, force: true });
}
console.table(Object.fromEntries(results.map(({ row, ...rest }) => [row, rest])));
process.stdout.write(
  "p99 and max: milliseconds above the handler's own; alone: without any reload; round: one reload, or scaling up, down and back\n",
);
if (values.json) writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
process.exitCode = lost ? 1 : 0;
