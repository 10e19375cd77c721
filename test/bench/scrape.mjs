// How long a scrape takes, from the HTTP request to its last byte, and how long velosd's event loop is held by it.
//
//   node test/bench/scrape.mjs [--scrapes 200]
//       real `velos metrics` (dist), real controller and IPC server, instances without processes, every figure changes
//   test/harness/user-manager.sh node test/bench/scrape.mjs --systemd
//       100 and 1,000 real instances of systemd and the real velosd
import { build } from "esbuild";
import { execFileSync, fork, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const argument = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const SCRAPES = Number(argument("--scrapes", 200));
/** What the code is to be compiled for before it counts. */
const WARM_UP = 20;
const sizes = argument("--sizes", "100,1000").split(",").map(Number);
const velos = new URL("../../dist/velos.cjs", import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), "velos-bench-"));
const agent = new Agent({ keepAlive: true });

const scrape = (url) =>
  new Promise((resolve, reject) => {
    const began = performance.now();
    get(`${url}/metrics`, { agent, headers: { accept: "application/openmetrics-text" } }, (response) => {
      let bytes = 0;
      response.on("data", (chunk) => (bytes += chunk.length));
      response.on("end", () => resolve({ ms: performance.now() - began, bytes }));
    }).on("error", reject);
  });

const startExporter = async (env) => {
  const exporter = spawn(process.execPath, [velos, "--user", "metrics", "--port", "0"], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const url = await new Promise((resolve, reject) => {
    let text = "";
    exporter.stderr.on("data", (chunk) => {
      text += chunk;
      const found = /http:\S+(?=\/metrics)/.exec(text);
      if (found) resolve(found[0]);
    });
    exporter.on("exit", () => reject(new Error(text)));
  });
  return { url, exporter };
};

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
const figure = (ms) => `${ms.toFixed(1)} ms`.padStart(10);

/** CPU time that a process has used, in milliseconds. */
const cpuMs = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

const measure = async (url, count, exporter, velosd) => {
  for (let n = 0; n < WARM_UP; n++) await scrape(url);
  const results = [];
  const before = [exporter, velosd].map(cpuMs);
  for (let n = 0; n < SCRAPES; n++) {
    results.push(await scrape(url));
    // As a scraper does: one after the other, with time in between.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const times = results.map(({ ms }) => ms).sort((a, b) => a - b);
  const size = (results.at(-1).bytes / 1e6).toFixed(2);
  console.log(
    `${String(count).padStart(5)} instances  p50 ${figure(quantile(times, 0.5))}  p95 ${figure(quantile(times, 0.95))}  max ${figure(times.at(-1))}  ${size} MB`,
  );
  const [work, velosdWork] = [exporter, velosd].map((pid, at) => (cpuMs(pid) - before[at]) / SCRAPES);
  console.log(`      CPU time of a scrape: exporter ${figure(work)}  velosd ${figure(velosdWork)}`);
};

const lagLine = ({ p99, max }, what) =>
  console.log(`      velosd's event loop, ${what}: p99 ${figure(p99)}  max ${figure(max)}`);

const synthetic = async () => {
  const program = join(directory, "velosd.mjs");
  await build({
    entryPoints: [new URL("scrape-velosd.ts", import.meta.url).pathname],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    define: { VELOS_VERSION: '"bench"' },
    logLevel: "warning",
  });
  for (const count of sizes) {
    const home = join(directory, String(count));
    const socket = join(home, "run", "velosd.sock");
    const { mkdirSync } = await import("node:fs");
    mkdirSync(join(home, "run"), { recursive: true });
    const velosd = fork(program, [socket, home, String(count)], {
      stdio: "inherit",
      execArgv: (process.env.BENCH_NODE ?? "").split(" ").filter(Boolean),
    });
    const message = () => new Promise((resolve) => velosd.once("message", resolve));
    await message();
    const { url, exporter } = await startExporter({ ...process.env, VELOS_HOME: home });
    velosd.send("reset");
    await measure(url, count, exporter.pid, velosd.pid);
    velosd.send("report");
    lagLine(await message(), "one scraper");
    velosd.send("reset");
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 20 }, () => askDirectly(socket)));
    velosd.send("report");
    lagLine(await message(), "20 clients at once");
    exporter.kill();
    velosd.disconnect();
  }
};

/** One call of `metrics` over a connection of its own. */
const askDirectly = async (socket) => {
  const { connect } = await import("node:net");
  await new Promise((resolve, reject) => {
    const connection = connect(socket, () => connection.write('{"jsonrpc":"2.0","id":1,"method":"metrics"}\n'));
    connection.on("error", reject);
    connection.on("data", (chunk) => {
      if (chunk.at(-1) !== 10) return;
      connection.destroy();
      resolve();
    });
  });
};

const real = async () => {
  const run = (...args) => execFileSync(process.execPath, [velos, "--user", ...args], { encoding: "utf8" });
  try {
    for (const count of sizes) {
      run("start", "sleep infinity", "--name", "bench", "-i", String(count));
      const { url, exporter } = await startExporter(process.env);
      const { pid } = JSON.parse(run("ping", "--json"));
      await measure(url, count, exporter.pid, pid);
      const text = await (await fetch(`${url}/metrics`)).text();
      const stat = (name) =>
        Number(new RegExp(`^velos_daemon_event_loop_lag_seconds{stat="${name}"} (.*)$`, "m").exec(text)?.[1]) * 1000;
      const collector = Number(/duration_seconds{collector="instances"} (.*)$/m.exec(text)?.[1]) * 1000;
      lagLine({ p99: stat("p99"), max: stat("max") }, "the last scrape");
      console.log(`      reading the figures: ${figure(collector)}`);
      const memory = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
      console.log(`      velosd: ${memory.toFixed(0)} MB`);
      exporter.kill();
    }
  } finally {
    run("delete", "all");
    run("kill");
  }
};

try {
  await (process.argv.includes("--systemd") ? real() : synthetic());
} finally {
  rmSync(directory, { recursive: true, force: true });
}
