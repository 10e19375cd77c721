import { readFileSync } from "node:fs";
import { Agent, METHODS, request } from "node:http";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readAllProcesses } from "../../src/backend/spawn/process-table.ts";
import type { ApiServer } from "./api-server.ts";
import { startApi } from "./api-server.ts";
import { PushClient } from "./push-client.ts";
import { SpawnHome } from "./spawn-home.ts";
import { randomFrom } from "./systemd/random.ts";

const SEED = Number(process.env["VELOS_SEED"] ?? 20261123);
const REQUESTS = 10_000;
const AT_ONCE = 24;

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  examples?: unknown[];
  required?: string[];
}
interface Operation {
  parameters: { name: string; in: string; schema: Schema }[];
  requestBody?: { content: { "application/json": { schema: Schema; examples?: Record<string, { value: unknown }> } } };
}

let home: SpawnHome;
let server: ApiServer;

beforeEach(async () => {
  home = new SpawnHome();
  home.write("velos.toml", "api_rate_limit = 0\n");
  server = await startApi(home.env);
});
afterEach(async () => {
  await server.stop();
  await home.close();
});

/** Values that are likely to be wrong, or to break something. */
class Values {
  readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.random() * choices.length)]!;
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  readonly #texts = [
    ...[
      "",
      " ",
      "\0",
      "null",
      "-1",
      "999999999999999999999",
      "1e308",
      "NaN",
      "%s%n",
      "../../../etc/passwd",
      "/dev/null",
    ],
    ...[
      "'; DROP TABLE apps; --",
      "<script>",
      "{{7*7}}",
      "${HOME}",
      "`id`",
      "$(id)",
      "\r\nX-Evil: 1",
      "\u202e\u{1f600}é",
      "\ud800",
    ],
    ...[
      "__proto__",
      "constructor",
      "toString",
      "api",
      "api:0",
      "api:99999",
      "api*",
      "all",
      "x".repeat(5000),
      "(a+)+$",
      "[",
      "a:b:c",
    ],
  ];

  text(): string {
    return this.chance(0.8)
      ? this.pick(this.#texts)
      : String.fromCharCode(...Array.from({ length: 8 }, () => this.random() * 65_535));
  }

  /** Any JSON at all. */
  anything(depth = 0): unknown {
    const kind = Math.floor(this.random() * (depth > 3 ? 6 : 9));
    if (kind < 2) return this.text();
    if (kind === 2) return this.pick([0, -0, -1, 1.5, 2 ** 53, -(2 ** 60), 1e300, 65_536]);
    if (kind === 3) return this.chance(0.5);
    if (kind === 4) return null;
    if (kind === 5) return [];
    if (kind === 6) return Array.from({ length: 3 }, () => this.anything(depth + 1));
    if (kind === 7) return this.nested();
    return Object.fromEntries(Array.from({ length: 3 }, () => [this.text(), this.anything(depth + 1)]));
  }

  nested(): unknown {
    let value: unknown = 1;
    const depth = this.pick([5, 50, 2000]);
    for (let level = 0; level < depth; level++) value = this.chance(0.5) ? [value] : { a: value };
    return value;
  }

  /** What fits a schema, or nearly. */
  of(schema: Schema): unknown {
    if (this.chance(0.25)) return this.anything();
    if (schema.examples && this.chance(0.4)) return this.pick(schema.examples);
    if ("const" in schema) return schema.const;
    if (schema.enum) return this.pick(schema.enum);
    if (schema.anyOf) return this.of(this.pick(schema.anyOf));
    switch (schema.type) {
      case "object":
        return Object.fromEntries(
          Object.entries(schema.properties ?? {})
            .filter(([name]) => schema.required?.includes(name) === true || this.chance(0.1))
            .map(([name, member]) => [this.chance(0.97) ? name : this.text(), this.of(member)]),
        );
      case "array":
        return Array.from({ length: Math.floor(this.random() * 4) }, () => this.of(schema.items ?? {}));
      case "integer":
      case "number":
        return this.pick([0, 1, 2, 3, -1, 10_000, 10_001, 0.5, 2 ** 40]);
      case "boolean":
        return this.chance(0.5);
      default:
        return this.text();
    }
  }
}

interface Sent {
  method: string;
  path: string;
  body?: string;
  type?: string;
}

const encode = (text: string): string => {
  try {
    return encodeURIComponent(text);
  } catch {
    return "%ed%a0%80";
  }
};

const tricks = [
  "/",
  "//",
  "/..%2f",
  "/%00",
  "/%zz",
  "/.",
  "/;",
  "/%c0%ae",
  "?",
  "?a=1&a=2",
  "?__proto__=1",
  "#",
  "/" + "x".repeat(3000),
];

/** A request that the description allows, or nearly. */
const invent = (values: Values, paths: Record<string, Record<string, Operation>>): Sent => {
  const [template, methods] = values.pick(Object.entries(paths));
  const [method, operation] = values.pick(Object.entries(methods));
  let path = template.replace(/\{\w+\}/g, () =>
    values.chance(0.3) ? "api" : values.chance(0.5) ? "api:0" : encode(values.text()),
  );
  const query = operation.parameters
    .filter((parameter) => parameter.in === "query" && parameter.name !== "follow" && values.chance(0.4))
    .map(({ name, schema }) => {
      const value = values.of(schema);
      return `${name}=${encode(typeof value === "string" ? value : (JSON.stringify(value) ?? ""))}`;
    });
  if (query.length > 0) path += `?${query.join("&")}`;
  if (values.chance(0.05)) path += values.pick(tricks);
  const form = operation.requestBody?.content["application/json"];
  const body = form && values.chance(0.95) ? JSON.stringify(values.of(form.schema)) : undefined;
  const broken =
    body !== undefined && values.chance(0.05) ? body.slice(0, Math.floor(values.random() * body.length)) : body;
  const other = METHODS.filter((name) => name !== "CONNECT");
  return {
    method: values.chance(0.05) ? values.pick(other) : method.toUpperCase(),
    path: path.replaceAll(/[^\x21-\x7e]/g, ""),
    ...(broken !== undefined && { body: broken }),
    ...(broken !== undefined && {
      type: values.chance(0.95)
        ? "application/json"
        : values.pick(["text/plain", "", "application/xml", "application/json; charset=utf-16"]),
    }),
  };
};

const send = (
  agent: Agent,
  port: number,
  { method, path, body, type }: Sent,
): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const headers = {
      ...(type !== undefined && { "content-type": type }),
      // Node leaves it out where a method usually has no body, and what is no request comes after the request.
      ...(body !== undefined && { "content-length": Buffer.byteLength(body) }),
    };
    const fail = (error: Error): void =>
      reject(new Error(`${error.message}: ${method} ${path.slice(0, 300)} ${type} ${body?.slice(0, 300)}`));
    const asked = request({ agent, host: "127.0.0.1", port, method, path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode!, text }));
      response.on("error", fail);
    });
    asked.on("error", fail);
    asked.end(body);
  });

/** Processes of instances, by what velos tells each of them. */
const left = (directory: string): number[] =>
  readAllProcesses().flatMap(({ pid, state }) => {
    try {
      return state !== "Z" && readFileSync(`/proc/${pid}/environ`, "utf8").includes(`PWD_OF_FUZZ=${directory}`)
        ? [pid]
        : [];
    } catch {
      return [];
    }
  });

it(
  `answers ${REQUESTS} requests that its description leads to, none with an error of its own (seed ${SEED})`,
  { timeout: 180_000 },
  async () => {
    const values = new Values(randomFrom(SEED));
    const { json } = await server.ask("GET", "/openapi.json");
    const { paths } = json as { paths: Record<string, Record<string, Operation>> };
    const begin = () =>
      server.ask("POST", "/api/processes", {
        name: "api",
        command: ["sleep", "1000"],
        env: { PWD_OF_FUZZ: home.path },
      });
    await begin();
    const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
    const statuses = new Map<number, number>();
    const failures: string[] = [];
    let asked = 0;
    const work = async (): Promise<void> => {
      while (asked < REQUESTS) {
        // It is deleted now and then, and asking about nothing finds nothing.
        if (asked++ % 250 === 0) await begin();
        const sent = invent(values, paths);
        const { status, text } = await send(agent, server.port, sent);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status >= 500) failures.push(`${status} ${JSON.stringify(sent).slice(0, 600)}\n${text.slice(0, 400)}`);
        if (status >= 400 && sent.method !== "HEAD" && !text.startsWith("{"))
          failures.push(`no problem: ${status} ${JSON.stringify(sent).slice(0, 300)} ${text.slice(0, 200)}`);
        if (/\n\s+at /.test(text)) failures.push(`a stack: ${text.slice(0, 300)}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    agent.destroy();
    console.log(`answers by status: ${JSON.stringify(Object.fromEntries([...statuses].sort()))}`);
    expect(failures.slice(0, 5), `${failures.length} failures`).toEqual([]);
    // What was wrong and what was right both came up.
    for (const status of [200, 400, 404, 405, 409, 415, 422])
      expect(statuses.get(status), String(status)).toBeGreaterThan(20);

    const ping = (await home.must("ping", "--json")).stdout;
    expect(JSON.parse(ping)).toMatchObject({ problems: [] });
    await home.must("delete", "all");
    expect(left(home.path)).toEqual([]);
    expect((await server.ask("GET", "/api/processes")).json).toEqual({ apps: [], problems: [] });
    expect(server.log()).not.toMatch(/\n\s+at /);
  },
);

it(
  `answers messages of the WebSocket that are wrong in every way, and serves the others (seed ${SEED})`,
  { timeout: 60_000 },
  async () => {
    const values = new Values(randomFrom(SEED));
    const { json } = await server.ask("GET", "/ws.schema.json");
    const client = (json as { $defs: { client: Schema } }).$defs.client;
    await server.ask("POST", "/api/processes", { name: "api", command: ["sleep", "1000"] });
    const watching = await PushClient.open(`${server.url}/ws`);
    let sent = 0;
    for (let round = 0; round < 60; round++) {
      const one = await PushClient.open(`${server.url}/ws`);
      for (let n = 0; n < 40 && one.closed === undefined; n++, sent++) {
        const text = JSON.stringify(values.chance(0.8) ? values.of(client) : values.anything()) ?? "";
        one.socket.send(values.chance(0.9) ? text : text.slice(1), { binary: values.chance(0.03) });
      }
      await one.until(
        "an answer",
        () => one.of("error")[0] ?? one.of("subscribed")[0] ?? one.of("pong")[0] ?? one.closed,
      );
      // A frame that the protocol does not have.
      if (round % 5 === 0)
        (one.socket as unknown as { _socket: NodeJS.WritableStream })._socket.write(Buffer.from([0xff, 0xff, 0, 1, 2]));
      one.socket.terminate();
    }
    watching.send({ ping: true, id: "well" });
    await watching.until("pong", () => watching.of("pong").find(({ id }) => id === "well"));
    expect(sent).toBeGreaterThan(2000);
    expect((await server.ask("GET", "/healthz")).status).toBe(200);
    expect(server.log()).not.toMatch(/\n\s+at /);
    await watching.close();
  },
);
