// Scrapes once a second while 100 instances crash at random, and says whether memory stays level and counters never go
// down. Ten minutes unless told otherwise.
//
//   test/harness/user-manager.sh node test/bench/soak.mjs [--seconds 600] [--instances 100]
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const argument = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const SECONDS = argument("--seconds", 600);
const INSTANCES = argument("--instances", 100);
const velos = new URL("../../dist/velos.cjs", import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), "velos-soak-"));
const run = (...words) => execFileSync(process.execPath, [velos, "--user", ...words], { encoding: "utf8" });

const startExporter = () =>
  new Promise((resolve, reject) => {
    const exporter = spawn(process.execPath, [velos, "--user", "metrics", "--port", "0"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let text = "";
    exporter.stderr.on("data", (chunk) => {
      text += chunk;
      const url = /http:\S+\/metrics/.exec(text)?.[0];
      if (url) resolve({ exporter, url });
    });
    exporter.on("exit", () => reject(new Error(text)));
  });

const residentMb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

/** Growth in MB a minute, by least squares. */
const slope = (values) => {
  const meanX = (values.length - 1) / 2;
  const meanY = values.reduce((sum, value) => sum + value, 0) / values.length;
  const above = values.reduce((sum, value, x) => sum + (x - meanX) * (value - meanY), 0);
  return (above / values.reduce((sum, _, x) => sum + (x - meanX) ** 2, 0)) * 60;
};

const app = join(directory, "crashing.sh");
// Ends after up to twenty seconds, one way or another.
writeFileSync(
  app,
  `#!/bin/sh
sleep $(( $(od -An -N1 -tu1 /dev/urandom) % 20 )).$(( $(od -An -N1 -tu1 /dev/urandom) % 10 ))
case $(( $(od -An -N1 -tu1 /dev/urandom) % 3 )) in 0) exit 0 ;; 1) exit 3 ;; *) kill -9 $$ ;; esac
`,
  { mode: 0o755 },
);

try {
  try {
    run(
      "start",
      app,
      "--name",
      "soak",
      "-i",
      String(INSTANCES),
      "--max-restarts",
      "1000000",
      "--restart-delay",
      "100ms",
    );
  } catch {
    // One of them crashed at once: that is what they are for.
  }
  const { exporter, url } = await startExporter();
  const { pid } = JSON.parse(run("ping", "--json"));
  const counters = new Map();
  const wentDown = new Set();
  const memory = { velosd: [], exporter: [] };
  const times = [];
  for (let second = 0; second < SECONDS; second++) {
    const began = performance.now();
    const text = await (await fetch(url)).text();
    times.push(performance.now() - began);
    let isCounter = false;
    for (const line of text.split("\n")) {
      if (line.startsWith("# TYPE")) isCounter = / (counter|histogram)$/.test(line);
      if (line.startsWith("#") || !isCounter || line === "") continue;
      const at = line.lastIndexOf(" ");
      const [key, value] = [line.slice(0, at), Number(line.slice(at + 1))];
      if (value < (counters.get(key) ?? 0)) wentDown.add(`${key}: ${counters.get(key)} to ${value}`);
      counters.set(key, value);
    }
    memory.velosd.push(residentMb(pid));
    memory.exporter.push(residentMb(exporter.pid));
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1000 - (performance.now() - began))));
  }
  const restarts = [...counters]
    .filter(([key]) => key.startsWith("velos_process_restart_total"))
    .reduce((sum, [, value]) => sum + value, 0);
  console.log(
    `${SECONDS} scrapes of ${INSTANCES} instances, ${restarts} restarts, ${counters.size} counters, ${wentDown.size} went down`,
  );
  for (const line of [...wentDown].slice(0, 10)) console.log(`  ${line}`);
  times.sort((a, b) => a - b);
  console.log(
    `scrape p50 ${times[Math.floor(SECONDS * 0.5)].toFixed(1)} ms, p95 ${times[Math.floor(SECONDS * 0.95)].toFixed(1)} ms`,
  );
  for (const [name, values] of Object.entries(memory)) {
    // The first fifth is warming up: code is compiled, caches fill.
    const level = values.slice(Math.floor(values.length / 5));
    const [least, most] = [Math.min(...level), Math.max(...level)];
    console.log(
      `${name}: ${values[0].toFixed(1)} MB at first, ${values.at(-1).toFixed(1)} MB at last, ${least.toFixed(1)} to ${most.toFixed(1)}, ${slope(level).toFixed(3)} MB a minute`,
    );
  }
  exporter.kill();
  process.exitCode = wentDown.size > 0 ? 1 : 0;
} finally {
  run("delete", "all");
  run("kill");
  rmSync(directory, { recursive: true, force: true });
}
