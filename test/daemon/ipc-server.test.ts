import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import type { Server, Socket } from "node:net";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MAX_FRAME_BYTES } from "../../src/api/frames.ts";
import type { CallHandlers, StreamHandlers } from "../../src/api/handlers.ts";
import { operations } from "../../src/api/operations.ts";
import { Connection } from "../../src/client/connection.ts";
import { VelosError } from "../../src/domain/errors.ts";
import { createIpcServer } from "../../src/daemon/ipc-server.ts";
import { RequestCounters } from "../../src/daemon/request-counters.ts";

interface Answer {
  id?: number | string | null;
  method?: string;
  params?: { id: number; item: unknown };
  result?: unknown;
  error?: { code: number; message: string; data?: { code: string } };
}

let directory: string;
let path: string;
let server: Server;
let reports: string[];
/** Items that the stream of this test's server has given out, and how many streams run. */
let given: number;
let streams: number;

const calls = {
  env: async ({ selector }: { selector: string }) => ({ env: { ECHO: selector } }),
  list: async () => ({ apps: [], problems: [] }),
  stop: async () => {
    throw new VelosError("APP_NOT_FOUND", { selector: "api" });
  },
  doctor: async () => {
    throw new TypeError("a bug");
  },
  shutdown: () => new Promise<never>(() => {}),
};

async function* watch(_: unknown, signal: AbortSignal): AsyncIterable<unknown> {
  streams++;
  try {
    while (!signal.aborted) {
      given++;
      yield { type: "app", app: "x".repeat(10_000) };
      if (given % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    streams--;
  }
}

async function* logs({ lines = 15 }: { lines?: number }): AsyncIterable<unknown> {
  for (let line = 0; line < lines; line++) yield { line };
}

beforeEach(async () => {
  [reports, given, streams] = [[], 0, 0];
  directory = await mkdtemp(join(tmpdir(), "velos-ipc-"));
  path = join(directory, "velosd.sock");
  server = createIpcServer({
    calls: calls as unknown as CallHandlers,
    streams: { watch, logs } as unknown as StreamHandlers,
    counters: new RequestCounters(),
    version: "1.2.3",
    report: (problem) => reports.push(problem),
  });
  await new Promise<void>((resolve) => server.listen({ path, backlog: 2048 }, resolve));
});

afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true, force: true });
});

/** A client that can say anything. */
class RawClient {
  readonly answers: Answer[] = [];
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #rest = "";

  constructor() {
    this.socket = connect(path);
    this.socket.on("error", () => {});
    this.closed = new Promise((resolve) => this.socket.on("close", () => resolve()));
    this.socket.on("data", (data) => {
      const lines = (this.#rest + data.toString()).split("\n");
      this.#rest = lines.pop()!;
      this.answers.push(...lines.map((line) => JSON.parse(line) as Answer));
    });
  }

  send(...messages: unknown[]): this {
    for (const message of messages) this.socket.write(`${JSON.stringify(message)}\n`);
    return this;
  }

  async answer(count = 1): Promise<Answer> {
    await until(() => this.answers.length >= count);
    return this.answers[count - 1]!;
  }
}

const until = async (holds: () => boolean, forMs = 10_000): Promise<void> => {
  const deadline = Date.now() + forMs;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not within ${forMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const request = (method: string, params: unknown = {}, id: unknown = 1): unknown => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});

/** Somebody else is served as if nothing were. */
const othersAreServed = async (): Promise<void> => {
  const other = await Connection.open(path);
  expect(await other.call("env", { selector: "other" })).toEqual({ env: { ECHO: "other" } });
  other.close();
};

describe("what is no request is answered with an error, and the client is dropped", () => {
  const garbage: [string, string | Buffer, number][] = [
    ["text", "hello velosd", -32700],
    ["bytes", Buffer.from(randomBytes(4096).map((byte) => (byte === 10 ? 11 : byte))), -32700],
    ["HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r", -32700],
    ["half a message", '{"jsonrpc":"2.0","id":1,"meth', -32700],
    ["null", "null", -32700],
    ["a number", "42", -32700],
    ["a batch", '[{"jsonrpc":"2.0","id":1,"method":"list"}]', -32700],
    ["no method", '{"jsonrpc":"2.0","id":1}', -32700],
    ["no id", '{"jsonrpc":"2.0","method":"list"}', -32700],
    ["an id that is none", '{"jsonrpc":"2.0","id":{},"method":"list"}', -32700],
    ["cancel of nothing", '{"jsonrpc":"2.0","method":"cancel"}', -32700],
  ];
  it.each(garbage)("%s", async (_, bytes, code) => {
    const client = new RawClient();
    client.socket.write(bytes);
    client.socket.write("\n");
    expect(await client.answer()).toMatchObject({ id: null, error: { code, data: { code: "MESSAGE_INVALID" } } });
    await client.closed;
    await othersAreServed();
    expect(reports).toEqual([]);
  });

  it("a line of 100 MB: cut off at the limit, its memory given back", async () => {
    const before = process.memoryUsage().rss;
    const client = new RawClient();
    const chunk = Buffer.alloc(1024 * 1024, "x");
    let sent = 0;
    while (sent < 100 * 1024 * 1024 && !client.socket.destroyed && client.answers.length === 0) {
      if (!client.socket.write(chunk)) {
        await Promise.race([new Promise((resolve) => client.socket.once("drain", resolve)), client.closed]);
      }
      sent += chunk.length;
    }
    await client.closed;
    expect(sent).toBeLessThan(MAX_FRAME_BYTES + 16 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
    await othersAreServed();
  });

  it("half a message and silence cost nobody anything", async () => {
    const client = new RawClient();
    client.socket.write('{"jsonrpc":"2.0","id":1,"me');
    await othersAreServed();
    client.socket.write('thod":"env","params":{"selector":"slow"}}\n');
    expect(await client.answer()).toMatchObject({ id: 1, result: { env: { ECHO: "slow" } } });
    client.socket.write('{"jsonrpc":"2.0",');
    client.socket.destroy();
    await othersAreServed();
  });
});

describe("what velosd cannot do is an error of that request alone", () => {
  const refused: [string, unknown, string][] = [
    ["an unknown method", request("frobnicate"), "METHOD_NOT_FOUND"],
    ["a method of Object", request("constructor"), "METHOD_NOT_FOUND"],
    ["__proto__", request("__proto__"), "METHOD_NOT_FOUND"],
    ["a wrong type", request("env", { selector: 5 }), "MESSAGE_INVALID"],
    ["an empty text", request("env", { selector: "" }), "MESSAGE_INVALID"],
    ["an unknown parameter", request("list", { frob: 1 }), "MESSAGE_INVALID"],
    ["parameters that are none", request("list", "all"), "MESSAGE_INVALID"],
    ["an array of parameters", request("env", ["api"]), "MESSAGE_INVALID"],
    ["too long a list", request("stop", { selectors: Array(2000).fill("api") }), "MESSAGE_INVALID"],
    ["an error of the operation", request("stop", { selectors: ["api"] }), "APP_NOT_FOUND"],
    ["a bug", request("doctor"), "INTERNAL"],
  ];
  it.each(refused)("%s", async (_, message, code) => {
    const client = new RawClient().send(message, request("env", { selector: "after" }, 2));
    await client.answer(2);
    expect(client.answers.find(({ id }) => id === 1)).toMatchObject({ error: { data: { code } } });
    expect(client.answers.find(({ id }) => id === 2)).toMatchObject({ result: { env: { ECHO: "after" } } });
    expect(reports.length).toBe(code === "INTERNAL" ? 1 : 0);
    client.socket.destroy();
  });

  it("the same id twice, and too many at once", async () => {
    const client = new RawClient().send(request("shutdown", {}, "a"), request("shutdown", {}, "a"));
    expect(await client.answer()).toMatchObject({ id: "a", error: { message: "a request with this id is under way" } });
    for (let id = 1; id <= 255; id++) client.send(request("shutdown", {}, id));
    client.send(request("env", { selector: "x" }, "last"));
    expect(await client.answer(2)).toMatchObject({
      id: "last",
      error: { message: expect.stringContaining("256 requests are under way") },
    });
    await othersAreServed();
    client.socket.destroy();
  });
});

describe("streams", () => {
  it("end with the number of their items", async () => {
    const client = new RawClient().send(request("logs", { lines: 3 }));
    expect(await client.answer(4)).toEqual({ jsonrpc: "2.0", id: 1, result: { items: 3 } });
    expect(client.answers.slice(0, 3).map(({ params }) => params)).toEqual(
      [0, 1, 2].map((line) => ({ id: 1, item: { line } })),
    );
    client.socket.destroy();
  });

  it("stop when they are cancelled, and when the client goes", async () => {
    const client = new RawClient().send(request("watch"));
    await until(() => given > 20);
    client.send({ jsonrpc: "2.0", method: "cancel", params: { id: 1 } });
    await until(() => client.answers.some(({ result }) => result !== undefined));
    expect(streams).toBe(0);
    client.send(request("watch", {}, 2));
    await until(() => streams === 1);
    client.socket.destroy();
    await until(() => streams === 0);
  });

  it("wait for a reader that does not read, without gathering for it", async () => {
    const client = new RawClient();
    client.socket.pause();
    client.send(request("watch"));
    await until(() => given > 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const held = given;
    await new Promise((resolve) => setTimeout(resolve, 300));
    // What fits into the buffers of the kernel and of one stream, 10 kB each.
    expect([given, given < 500]).toEqual([held, true]);
    await othersAreServed();
    client.socket.resume();
    await until(() => given > held + 100);
    client.socket.destroy();
    await until(() => streams === 0);
  });
});

it("answers wait for a client that does not read them, and no more is taken from it", async () => {
  const client = new RawClient();
  client.socket.pause();
  const asked = request("env", { selector: "x".repeat(70) });
  let taken = 0;
  const flood = Buffer.from(`${JSON.stringify(asked)}\n`.repeat(1000));
  const end = Date.now() + 1500;
  while (Date.now() < end && taken < 500) {
    if (client.socket.write(flood)) taken++;
    else
      await Promise.race([
        new Promise((resolve) => client.socket.once("drain", () => resolve(taken++))),
        new Promise((resolve) => setTimeout(resolve, 200)),
      ]);
  }
  // 1000 requests a time, of 130 bytes: the buffers of both sides, not all that was sent.
  expect(taken).toBeLessThan(100);
  await othersAreServed();
  client.socket.destroy();
});

it("serves a thousand clients at once, each with its own answers", async () => {
  const clients = await Promise.all(Array.from({ length: 1000 }, () => Connection.open(path)));
  const answers = await Promise.all(clients.map((client, number) => client.call("env", { selector: `app${number}` })));
  answers.forEach(({ env }, number) => expect(env["ECHO"]).toBe(`app${number}`));
  for (const client of clients) client.close();
  await othersAreServed();
}, 60_000);

describe("whatever comes", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    fc
      .record(
        {
          jsonrpc: fc.constantFrom("2.0", 1, null),
          id: fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.object()),
          method: fc.oneof(
            fc.constantFrom(...Object.keys(operations), "cancel", "toString"),
            fc.string(),
            fc.integer(),
          ),
          params: fc.oneof(
            fc.object(),
            fc.anything(),
            fc.record({ selector: fc.string(), id: fc.integer(), lines: fc.integer() }, { requiredKeys: [] }),
          ),
        },
        { requiredKeys: [] },
      )
      .map((message) =>
        JSON.stringify(message, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
      ),
    fc.constant("\n"),
  );

  it("every answer is JSON-RPC, nothing is a bug, and others are served", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 20 }),
        fc.array(fc.nat(200), { maxLength: 5 }),
        async (pieces, cuts) => {
          const client = new RawClient();
          const bytes = Buffer.from(pieces.join("\n"));
          let from = 0;
          for (const cut of cuts) {
            client.socket.write(bytes.subarray(from, from + cut));
            from += cut;
            await new Promise((resolve) => setImmediate(resolve));
          }
          client.socket.write(bytes.subarray(from));
          client.socket.end("\n");
          await Promise.race([client.closed, new Promise((resolve) => setTimeout(resolve, 20))]);
          client.socket.destroy();
          for (const { id, method, result, error } of client.answers) {
            if (method !== "item")
              expect([id !== undefined, (result === undefined) !== (error === undefined)]).toEqual([true, true]);
          }
          await othersAreServed();
        },
      ),
      { numRuns: 150 },
    );
    await until(() => streams === 0);
    expect(reports.filter((report) => !report.includes("a bug") && !report.includes("is not a function"))).toEqual([]);
  }, 60_000);
});
