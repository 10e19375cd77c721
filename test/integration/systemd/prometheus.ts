import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { freePort } from "../../backend/free-port.ts";
import { until } from "./until.ts";

/** True when Debian's `prometheus` is installed: the server and promtool. */
export const hasPrometheus = spawnSync("prometheus", ["--version"]).error === undefined;

/** How often the server scrapes: often, so that a test has rates within seconds. */
export const SCRAPE_SECONDS = 1;

/** One line of an answer to a query. */
export interface PromResult {
  metric: Record<string, string>;
  value: number;
}

/** A real Prometheus that scrapes one exporter. */
export interface Prometheus {
  query: (expression: string) => Promise<PromResult[]>;
  /** Any of its API. */
  get: (path: string) => Promise<unknown>;
  stop: () => Promise<void>;
}

/** Starts a server with the scrape configuration that packaging/prometheus/README.md shows, and its rules. */
export const startPrometheus = async (directory: string, target: string): Promise<Prometheus> => {
  const port = await freePort();
  const config = join(directory, "prometheus.yml");
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    config,
    `global: { scrape_interval: ${SCRAPE_SECONDS}s, evaluation_interval: 1s }
rule_files: [${JSON.stringify(resolve("packaging/prometheus/velos.rules.yml"))}]
scrape_configs:
  - job_name: velos
    honor_labels: true
    static_configs: [{ targets: [${JSON.stringify(target)}] }]
`,
  );
  const words = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(directory, "tsdb")}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child = spawn("prometheus", words, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (log += chunk));
  const base = `http://127.0.0.1:${port}`;
  const isReady = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`prometheus ended: ${log}`);
    return (await fetch(`${base}/-/ready`).catch(() => undefined))?.status === 200;
  };
  await until("prometheus is ready", isReady, 30_000);
  const get = async (path: string): Promise<unknown> => {
    const answer = (await (await fetch(`${base}/api/v1/${path}`)).json()) as {
      status: string;
      data: unknown;
      error?: string;
    };
    if (answer.status !== "success") throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  };
  return {
    get,
    query: async (expression) => {
      const { result } = (await get(`query?query=${encodeURIComponent(expression)}`)) as {
        result: { metric: Record<string, string>; value: [number, string] }[];
      };
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    stop: async () => {
      if (child.exitCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
};
