// Load on a server, from a process of its own, so that what the bench does meanwhile does not slow it down.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { run, start } from "./process.mjs";

const generator = fileURLToPath(new URL("../../load/load.mjs", import.meta.url));

/** Load until `stop`, which resolves to the report of test/load/load.mjs. */
export const startLoad = ({ port, clients, keepAlive = true, durationMs, by }) => {
  const child = start(process.execPath, [
    generator,
    `--url=http://127.0.0.1:${port}/`,
    `--clients=${clients}`,
    `--duration=${durationMs ?? 600_000}ms`,
    "--timeout=10s",
    ...(keepAlive ? [] : ["--no-keep-alive"]),
    ...(by ? [`--by=${by}`] : []),
  ]);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const finished = new Promise((resolve, reject) => {
    child.once("close", (code) => {
      if (code === 0) resolve(JSON.parse(stdout));
      else reject(new Error(`the load generator ended with ${code}\n${stderr}`));
    });
  });
  finished.catch(() => undefined);
  return {
    finished,
    stop: () => {
      child.kill("SIGTERM");
      return finished;
    },
  };
};

const wrk = ["/usr/bin/wrk", "/usr/local/bin/wrk"].find((path) => existsSync(path));

/** Requests per second. wrk where it is installed: it needs a third of the processor that Node needs for it. */
export const requestsPerSecond = async ({ port, clients, keepAlive, durationMs }) => {
  if (!wrk) return (await startLoad({ port, clients, keepAlive, durationMs }).finished).requestsPerSecond;
  const { stdout } = await run(wrk, [
    "-t1",
    `-c${clients}`,
    `-d${durationMs / 1000}s`,
    ...(keepAlive ? [] : ["-H", "Connection: close"]),
    `http://127.0.0.1:${port}/`,
  ]);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout);
  if (!rate) throw new Error(`wrk: ${stdout}`);
  return Number(rate[1]);
};
