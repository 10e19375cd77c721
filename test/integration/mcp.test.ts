import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Result } from "../../src/api/operations.ts";
import type { readableMetrics } from "../../src/api/readable-metrics.ts";
import type { LogSummary } from "../../src/mcp/log-summary.ts";
import { freePort } from "../backend/free-port.ts";
import { velosProgram } from "./metrics-server.ts";
import { SpawnHome } from "./spawn-home.ts";

let home: SpawnHome;
const clients: Client[] = [];

beforeEach(() => {
  home = new SpawnHome();
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await api?.stop();
  api = undefined;
  await home.close();
});

/** The SDK's own client of a `velos mcp` that it starts itself. */
const connect = async (...flags: string[]): Promise<Client> => {
  const env = Object.fromEntries(
    Object.entries(home.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const client = new Client({ name: "test", version: "1" });
  clients.push(client);
  const args = [velosProgram, "mcp", ...flags];
  await client.connect(new StdioClientTransport({ command: process.execPath, args, env, cwd: home.path }));
  return client;
};

interface Answer {
  isError: boolean;
  value: unknown;
}

const call = async (client: Client, name: string, args: Record<string, unknown> = {}): Promise<Answer> => {
  const { content, isError } = (await client.callTool({ name, arguments: args })) as {
    content: { text: string }[];
    isError?: boolean;
  };
  return { isError: isError === true, value: JSON.parse(content[0]!.text) };
};

const succeeded = async <T = unknown>(...request: Parameters<typeof call>): Promise<T> => {
  const { isError, value } = await call(...request);
  expect(isError, JSON.stringify(value)).toBe(false);
  return value as T;
};

/** The SDK's own client of `velos api`. */
const connectHttp = async (token?: string): Promise<Client> => {
  const client = new Client({ name: "test", version: "1" });
  clients.push(client);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const transport = new StreamableHTTPClientTransport(new URL("/mcp", api!.url), { requestInit: { headers } });
  await client.connect(transport);
  return client;
};

let api: { url: string; stop: () => Promise<void> } | undefined;

const startApi = async (...command: string[]): Promise<void> => {
  const words = command.length > 0 ? command : ["api"];
  const args = [velosProgram, ...words, "--port", String(await freePort())];
  const child = spawn(process.execPath, args, { env: home.env, cwd: home.path, stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  let log = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      log += chunk;
      const found = /(?:API|agents) at (http:\S+?)(?:\/mcp)?\n/.exec(log)?.[1];
      if (found) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`velos api ended with ${code}: ${log}`)));
  });
  api = {
    url,
    stop: async () => {
      child.kill("SIGTERM");
      await exited;
    },
  };
};

describe("velos api, at /mcp", () => {
  it("has the same tools and does the same", async () => {
    await startApi();
    const client = await connectHttp();
    const stdio = await connect();
    expect((await client.listTools()).tools).toEqual((await stdio.listTools()).tools);
    await succeeded(client, "start", { name: "api", command: "sleep 1000", instances: 2 });
    expect(await succeeded(client, "list")).toMatchObject({ apps: [{ name: "api", online: 2 }] });
    expect(await call(client, "describe", { selector: "nobody" })).toMatchObject({
      isError: true,
      value: { code: "APP_NOT_FOUND", hint: "see `velos list`" },
    });
    expect(await succeeded(client, "delete", { selectors: ["api"] })).toEqual({ deleted: ["api"] });
  });

  it("goes by the token: who may only read has the tools that only look, who has none is refused", async () => {
    home.write("velos.toml", 'api_token = [{ name = "eye", scope = "read", token = "0123456789abcdef-eye" }]\n');
    await startApi();
    const eye = await connectHttp("0123456789abcdef-eye");
    expect((await eye.listTools()).tools.every(({ annotations }) => annotations?.readOnlyHint)).toBe(true);
    expect(await call(eye, "delete", { selectors: ["all"] })).toMatchObject({ isError: true });
    await expect(connectHttp()).rejects.toThrow();
    const request = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };
    expect((await fetch(`${api!.url}/mcp`, request)).status).toBe(401);
    const origin = { ...request.headers, origin: "http://evil.example", authorization: "Bearer 0123456789abcdef-eye" };
    expect((await fetch(`${api!.url}/mcp`, { ...request, headers: origin })).status).toBe(403);
  });

  it("is what velos mcp --http serves, with --read-only for everybody", async () => {
    await startApi("mcp", "--http", "--read-only");
    const client = await connectHttp();
    expect((await client.listTools()).tools.every(({ annotations }) => annotations?.readOnlyHint)).toBe(true);
    expect(await call(client, "stop", { selectors: ["all"] })).toMatchObject({ isError: true });
    expect(await home.velos("mcp", "--port", "1")).toMatchObject({ code: 2 });
  });

  it("answers what is no message of the protocol with an error, and serves on", async () => {
    await startApi();
    const post = async (body: string, headers: Record<string, string> = {}) =>
      fetch(`${api!.url}/mcp`, {
        method: "POST",
        body,
        headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers },
      });
    expect((await post("no JSON")).status).toBe(400);
    expect((await post("{}")).status).toBe(400);
    expect((await post("{}", { accept: "text/html" })).status).toBe(406);
    expect((await fetch(`${api!.url}/mcp`)).status).toBe(405);
    const ask = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "list", arguments: {} } };
    expect(await (await post(JSON.stringify(ask))).json()).toMatchObject({ id: 1, result: { content: [{}] } });
  });
});

describe("velos mcp", () => {
  it("does for an agent what the commands do", async () => {
    const client = await connect();
    home.write(
      "app.mjs",
      "for (let n = 0; n < 20; n++) console.log(`took ${n} ms`); console.error('Error: no route to 10.0.0.7'); setInterval(() => {}, 1e6);",
    );
    const started = await succeeded(client, "start", {
      name: "api",
      script: "app.mjs",
      instances: 2,
      env: { MODE: "test" },
      rollout: { pause: 0 },
    });
    expect(started).toMatchObject({ outcome: "created", app: { name: "api", online: 2 } });

    expect(await succeeded(client, "scale", { app: "api", instances: "+1" })).toMatchObject({ app: { online: 3 } });
    const { apps } = await succeeded<Result<"list">>(client, "list");
    const pids = apps[0]!.processes.map(({ pid }) => pid);
    expect(await home.pids("api")).toEqual(pids);

    const summary = async () => succeeded<LogSummary>(client, "log_summary", { selectors: ["api"] });
    await expect.poll(async () => (await summary()).lines).toBe(63);
    expect((await summary()).groups).toMatchObject([
      { level: "error", count: 3, pattern: "Error: no route to <ip>", instances: ["api:0", "api:1", "api:2"] },
      { level: "info", count: 60, pattern: "took <n> ms" },
    ]);
    const errors = await succeeded<Result<"logPage">>(client, "logs", {
      selectors: ["api:1"],
      level: "error",
      lines: 5,
    });
    expect(errors.lines.map(({ message }) => message)).toEqual(["Error: no route to 10.0.0.7"]);

    const metrics = await succeeded<ReturnType<typeof readableMetrics>>(client, "metrics");
    expect(metrics.apps[0]).toMatchObject({
      name: "api",
      running: 3,
      instances: [{ index: 0, status: "online" }, {}, {}],
    });
    expect(metrics.apps[0]!.instances[0]!.memoryBytes).toBeGreaterThan(1e6);

    await succeeded(client, "restart", { selectors: ["api"], rolling: true });
    for (const pid of await home.pids("api")) expect(pids).not.toContain(pid);
    expect(await succeeded(client, "rollout", { app: "api" })).toMatchObject({
      rollout: { kind: "reload", status: "done" },
    });
    expect(await succeeded(client, "delete", { selectors: ["api"] })).toEqual({ deleted: ["api"] });
  });

  it("masks secrets, and has no parameter to see them", async () => {
    const client = await connect();
    home.write(".env", "DB_PASSWORD=hunter2\n");
    await succeeded(client, "start", {
      name: "api",
      command: ["sleep", "1000"],
      env_file: ".env",
      env: { API_TOKEN: "sesame", DATABASE: "postgres://me:opensesame@db/x", MODE: "test" },
    });
    for (const tool of ["env", "describe"]) {
      const answer = await succeeded(client, tool, { selector: tool === "env" ? "api:0" : "api" });
      expect(JSON.stringify(answer)).not.toMatch(/hunter2|sesame/);
      expect(JSON.stringify(answer)).toContain('"MODE":"test"');
      expect(await call(client, tool, { selector: "api:0", secrets: true })).toMatchObject({
        isError: true,
        value: { code: "MESSAGE_INVALID" },
      });
    }
  });

  it("says what is wrong, and what to do, as a result for the agent", async () => {
    const client = await connect();
    expect(await call(client, "describe", { selector: "nobody" })).toEqual({
      isError: true,
      value: { code: "APP_NOT_FOUND", message: "no app matches 'nobody'", hint: "see `velos list`" },
    });
    expect(await call(client, "start", { script: "no.js", kill_timeout: "soon" })).toMatchObject({
      isError: true,
      value: { code: "CONFIG_INVALID" },
    });
    expect(await call(client, "scale", { app: "api", instances: {} })).toMatchObject({
      isError: true,
      value: { code: "MESSAGE_INVALID", message: expect.stringContaining("/instances") },
    });
    expect(await call(client, "shutdown")).toMatchObject({ isError: true, value: { code: "USAGE" } });
    expect(await succeeded(client, "list")).toMatchObject({ apps: [] });
  });

  it("--read-only has the tools that look, and no others", async () => {
    const all = (await (await connect()).listTools()).tools;
    const some = (await (await connect("--read-only")).listTools()).tools;
    const looks = all.filter(({ annotations }) => annotations?.readOnlyHint).map(({ name }) => name);
    expect(some.map(({ name }) => name)).toEqual(looks);
    expect(looks).toEqual(["describe", "doctor", "env", "list", "log_summary", "logs", "metrics", "rollout"]);
    const changes = [
      "delete",
      "pause_rollout",
      "restart",
      "resume",
      "resume_rollout",
      "scale",
      "signal",
      "start",
      "stop",
    ];
    expect(all.map(({ name }) => name)).toEqual([...looks, ...changes, "undo_rollout"].sort());
    expect(await call(clients[1]!, "delete", { selectors: ["all"] })).toMatchObject({
      isError: true,
      value: { message: "delete changes something, and this server only looks" },
    });
  });

  it("finds velosd again after its death", async () => {
    const client = await connect();
    await succeeded(client, "start", { name: "api", command: "sleep 1000" });
    const [pid] = await home.pids("api");
    process.kill(await home.daemonPid(), "SIGKILL");
    expect(await succeeded(client, "list")).toMatchObject({ apps: [{ processes: [{ status: "online", pid }] }] });
  });

  it("answers what was asked before its input ended, and ends; what is no message harms nothing", async () => {
    const child = spawn(process.execPath, [velosProgram, "mcp"], { env: home.env, stdio: ["pipe", "pipe", "inherit"] });
    const ask = (id: number, method: string, params: object = {}) =>
      child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    ask(1, "initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } });
    child.stdin.write("this is no JSON\n[]\n\n");
    ask(2, "tools/call", { name: "list", arguments: {} });
    child.stdin.end();
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    const ids = output
      .trim()
      .split("\n")
      .map((answer) => (JSON.parse(answer) as { id: number }).id);
    expect(ids).toEqual([1, 2]);
    expect(code).toBe(0);
  });
});
