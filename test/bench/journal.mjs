// How long a page of logs takes on a big journal: `GET /api/logs/:name?lines=100&level=error` where one line in a hundred
// is an error, and a level that no line has.
//
//   test/harness/user-manager.sh node test/bench/journal.mjs [--lines 1000000] [--requests 40]
//
// The lines are real entries of a real journal, written by systemd-journal-remote (a package of Debian's) from journald's
// export format: through an app's output they would take journald minutes, and its rate limit.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

const argument = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const LINES = argument("--lines", 1_000_000);
const REQUESTS = argument("--requests", 40);
const WRITER = "/lib/systemd/systemd-journal-remote";
const velos = new URL("../../dist/velos.cjs", import.meta.url).pathname;
const run = (...words) => execFileSync(process.execPath, ["--", velos, "--user", ...words], { encoding: "utf8" });

const machine = readFileSync("/etc/machine-id", "utf8").trim();
const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").replaceAll("-", "").trim();
const directory = join("/run/log/journal", machine);
const journal = join(directory, "bench@1.journal");

/** One line in a hundred is an error, as a server writes it; the others are what a server says all day. */
const message = (n) =>
  n % 100 === 50
    ? `${new Date(n).toISOString()} ERROR request ${n} failed: connection to the database timed out after 5000 ms`
    : `{"level":30,"time":${n},"pid":4711,"hostname":"web1","req":{"method":"GET","url":"/items/${n}"},"responseTime":12,"msg":"request completed"}`;

const write = async () => {
  mkdirSync(directory, { recursive: true });
  const writer = spawn(WRITER, [`--output=${journal}`, "-"], { stdio: ["pipe", "ignore", "inherit"] });
  const ended = once(writer, "exit");
  const end = Date.now() * 1000;
  let chunk = "";
  for (let n = 0; n < LINES; n++) {
    const at = end - (LINES - n) * 1000;
    chunk += `__REALTIME_TIMESTAMP=${at}\n__MONOTONIC_TIMESTAMP=${1_000_000 + n * 1000}\n_BOOT_ID=${boot}\n_MACHINE_ID=${machine}\n_TRANSPORT=stdout\nPRIORITY=6\nSYSLOG_IDENTIFIER=velos-big\n_PID=4711\n_UID=${process.getuid()}\n_SYSTEMD_USER_UNIT=velos-big@0.service\nMESSAGE=${message(n)}\n\n`;
    if (chunk.length > 1_000_000 || n === LINES - 1) {
      if (!writer.stdin.write(chunk)) await once(writer.stdin, "drain");
      chunk = "";
    }
  }
  writer.stdin.end();
  const [code] = await ended;
  if (code !== 0) throw new Error(`${WRITER} ended with ${code}`);
};

const startApi = async () => {
  const child = spawn(process.execPath, ["--", velos, "--user", "api", "--port", "0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const url = await new Promise((resolve, reject) => {
    let log = "";
    child.stderr.on("data", (text) => {
      log += text;
      const found = /API at (\S+)/.exec(log)?.[1];
      if (found) resolve(found);
    });
    child.once("exit", () => reject(new Error(log)));
  });
  return { url, child };
};

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];

const measure = async (url, query, requests) => {
  const times = [];
  let lines = [];
  let truncated;
  for (let n = 0; n < requests; n++) {
    const began = performance.now();
    const response = await fetch(`${url}/api/logs/big?${query}`);
    const body = await response.json();
    times.push(performance.now() - began);
    if (response.status !== 200) throw new Error(JSON.stringify(body));
    ({ lines, truncated } = body);
  }
  times.sort((a, b) => a - b);
  console.log(
    `${query}: ${lines.length} lines, truncated ${truncated}; p50 ${quantile(times, 0.5).toFixed(0)} ms, p95 ${quantile(times, 0.95).toFixed(0)} ms, max ${times.at(-1).toFixed(0)} ms`,
  );
};

try {
  run("start", "sleep infinity", "--name", "big");
  await write();
  console.log(`a journal of ${LINES} lines, ${(statSync(journal).size / 1e6).toFixed(0)} MB`);
  const { url, child } = await startApi();
  await measure(url, "lines=100&level=error", 3);
  await measure(url, "lines=100&level=error", REQUESTS);
  await measure(url, "lines=100", REQUESTS);
  await measure(url, "lines=100&level=fatal", 5);
  child.kill();
} finally {
  rmSync(journal, { force: true });
  run("delete", "all");
  run("kill");
}
