import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { freePort } from "../backend/free-port.ts";
import type { ParsedFamily } from "../metrics/parse.ts";
import { parseExposition } from "../metrics/parse.ts";

export const velosProgram = fileURLToPath(new URL("../../dist/velos.cjs", import.meta.url));

/** A `velos metrics` that serves. */
export interface MetricsServer {
  url: string;
  pid: number;
  /** What it said so far. */
  log: () => string;
  /** One scrape, read strictly. */
  scrape: (format?: "text" | "openmetrics") => Promise<Map<string, ParsedFamily>>;
  stop: () => Promise<number | null>;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Starts the built `velos metrics`, by default on a port that is free. */
export const startMetrics = async (env: Env, ...args: string[]): Promise<MetricsServer> => {
  const port = args.includes("--port") ? [] : ["--port", String(await freePort())];
  const words = [velosProgram, "--user", "metrics", ...port, ...args];
  const child = spawn(process.execPath, words, { env, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      log += chunk;
      const found = /(http:\S+)\/metrics/.exec(log)?.[1];
      if (found) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`velos metrics ended with ${code}: ${log}`)));
  });
  return {
    url,
    pid: child.pid!,
    log: () => log,
    scrape: async (format = "text") => {
      const accept = format === "text" ? "text/plain" : "application/openmetrics-text; version=1.0.0";
      const response = await fetch(`${url}/metrics`, { headers: { accept } });
      if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
      return parseExposition(await response.text(), format);
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill("SIGTERM");
      const [code] = (await once(child, "exit")) as [number | null];
      return code;
    },
  };
};
