import { spawn } from "node:child_process";
import { once } from "node:events";
import { freePort } from "../backend/free-port.ts";
import { velosProgram } from "./systemd/velos.ts";

/** An answer, read whole. */
export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  /** Undefined when it is no JSON. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever a test looks for
  json: any;
}

/** A `velos api` that serves. */
export interface ApiServer {
  url: string;
  pid: number;
  port: number;
  /** What it said so far. */
  log: () => string;
  ask: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Reply>;
  /** Its exit code. */
  stop: () => Promise<number | null>;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Starts the built `velos api`, by default on a port that is free. */
export const startApi = async (env: Env, ...args: string[]): Promise<ApiServer> => {
  const port = args.includes("--socket") ? 0 : await freePort();
  const words = ["--", velosProgram, "--user", "api", ...(port === 0 ? [] : ["--port", String(port)]), ...args];
  const child = spawn(process.execPath, words, { env, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      log += chunk;
      const found = /API at (\S+)/.exec(log)?.[1];
      if (found) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`velos api ended with ${code}: ${log}`)));
  });
  return {
    url,
    port,
    pid: child.pid!,
    log: () => log,
    ask: (method, path, body, headers = {}) => ask(`${url}${path}`, method, body, headers),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill("SIGTERM");
      const [code] = (await once(child, "exit")) as [number | null];
      return code;
    },
  };
};

const ask = async (
  url: string,
  method: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<Reply> => {
  const response = await fetch(url, {
    method,
    headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
