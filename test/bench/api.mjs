// What `velos api` serves: requests a second and p99 of GET /api/processes beside a bare fastify route that returns the
// same bytes, and how long a change takes to reach many WebSocket clients while an app crashes and is restarted.
//
//   node test/bench/api.mjs [--sizes 4,500] [--seconds 5] [--clients 1000]
//
// Everything is real, on the spawn backend: velosd, `velos api`, processes, connections. All share this machine.
import autocannon from "autocannon";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";

const argument = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const sizes = argument("--sizes", "4,500")
  .split(",")
  .map(Number)
  .filter((size) => size > 0);
const seconds = Number(argument("--seconds", 5));
const CLIENTS = Number(argument("--clients", 1000));

const program = new URL("../../dist/velos.cjs", import.meta.url).pathname;
const home = mkdtempSync(join(tmpdir(), "velos-bench-"));
const env = { ...process.env, VELOS_HOME: home, VELOS_BACKEND: "spawn", NO_COLOR: "1" };
const velos = (...args) =>
  execFileSync(process.execPath, ["--", program, "--user", ...args], { env, encoding: "utf8" });

const startApi = async () => {
  const child = spawn(process.execPath, ["--", program, "--user", "api", "--port", "0"], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const url = await new Promise((resolve, reject) => {
    let log = "";
    child.stderr.on("data", (chunk) => {
      log += chunk;
      const found = /API at (\S+)/.exec(log)?.[1];
      if (found) resolve(found);
    });
    child.once("exit", () => reject(new Error(log)));
  });
  return { url, child };
};

const load = async (url) => {
  await autocannon({ url, connections: 10, duration: 1 });
  const { requests, latency, non2xx } = await autocannon({ url, connections: 10, duration: seconds });
  return { perSecond: Math.round(requests.average), p99Ms: latency.p99, failed: non2xx };
};

const rest = async (url, size) => {
  const bytes = Buffer.from(await (await fetch(`${url}/api/processes`)).arrayBuffer());
  // In a process of its own, as velos api is.
  const bare = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import fastify from "fastify"; const app = fastify();
       const bytes = Buffer.from(process.env.BYTES_FILE ? (await import("node:fs")).readFileSync(process.env.BYTES_FILE) : "");
       app.get("/api/processes", async (_, reply) => reply.type("application/json; charset=utf-8").send(bytes));
       console.log(await app.listen({ port: 0, host: "127.0.0.1" }));`,
    ],
    {
      cwd: new URL("../..", import.meta.url).pathname,
      env: { ...process.env, BYTES_FILE: await save(bytes) },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const bareUrl = await new Promise((resolve) => bare.stdout.once("data", (line) => resolve(String(line).trim())));
  const own = await load(`${url}/api/processes`);
  const other = await load(`${bareUrl}/api/processes`);
  bare.kill();
  console.log(
    `GET /api/processes, ${size} instances, ${bytes.length} bytes: ${own.perSecond}/s, p99 ${own.p99Ms} ms; bare fastify ${other.perSecond}/s, p99 ${other.p99Ms} ms; ${(own.perSecond / other.perSecond).toFixed(2)} of it; failed ${own.failed}`,
  );
};

const save = async (bytes) => {
  const path = join(home, "bytes.json");
  await (await import("node:fs/promises")).writeFile(path, bytes);
  return path;
};

const memoryOf = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

const push = async ({ url, child }) => {
  const clients = [];
  for (let n = 0; n < CLIENTS; n++) {
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`);
    const client = { socket, first: 0, last: 0, gaps: 0, late: [] };
    socket.on("message", (data) => {
      const message = JSON.parse(data);
      if (message.seq === undefined) return;
      client.first ||= message.seq;
      if (client.last !== 0 && message.seq !== client.last + 1) client.gaps++;
      client.last = message.seq;
      if (message.type === "instance") client.late.push(Date.now() - message.at);
    });
    clients.push(client);
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  }
  const before = memoryOf(child.pid);
  velos(
    "start",
    "sh -c 'sleep 0.4; exit 1'",
    "--name",
    "crashing",
    "--max-restarts",
    "100000",
    "--restart-delay",
    "100ms",
    "--min-uptime",
    "1ms",
  );
  await delay(seconds * 1000);
  velos("stop", "crashing");
  await delay(1000);
  const after = memoryOf(child.pid);
  const late = clients.flatMap((client) => client.late).sort((a, b) => a - b);
  const lasts = new Set(clients.map(({ last }) => last));
  const gaps = clients.reduce((sum, client) => sum + client.gaps, 0);
  console.log(
    `${CLIENTS} WebSocket clients, ${Math.round(late.length / CLIENTS)} changes each in ${seconds + 1} s: p50 ${late[late.length >> 1]} ms, p99 ${late[Math.floor(late.length * 0.99)]} ms, worst ${late.at(-1)} ms; gaps ${gaps}; all at the same number: ${lasts.size === 1}; memory ${before.toFixed(0)} → ${after.toFixed(0)} MB`,
  );
  for (const { socket } of clients) socket.terminate();
};

let api;
try {
  for (const size of sizes) {
    velos("start", "sleep 100000", "--name", `app${size}`, "-i", String(size));
    api = await startApi();
    await rest(api.url, size);
    api.child.kill();
    velos("delete", "all");
  }
  if (CLIENTS > 0) {
    api = await startApi();
    await push(api);
  }
} finally {
  api?.child.kill();
  velos("delete", "all");
  velos("kill");
  rmSync(home, { recursive: true, force: true });
}
