import { once, type EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openClient } from "../preload/client.ts";
import { makeHarness, type Harness } from "../preload/harness.mjs";
import { INSTALL_TIMEOUT_MS, installPackages } from "../preload/packages.ts";

let harness: Harness;
let packages: ReturnType<typeof installPackages>;
beforeAll(() => {
  packages = installPackages({ express: "5", fastify: "5", koa: "3", ws: "8" });
  harness = makeHarness();
}, INSTALL_TIMEOUT_MS);
afterEach(async () => harness.clear());
afterAll(async () => {
  await harness.close();
  packages.remove();
});

const APPS = {
  express: `const app = load("express")(); app.get("/", (_, response) => response.send("hello")); app.listen(port);`,
  // It listens at every address that localhost has, with a server for each.
  fastify: `const app = load("fastify")(); app.get("/", async () => "hello"); app.listen({ port });`,
  "fastify on all addresses": `const app = load("fastify")(); app.get("/", async () => "hello"); app.listen({ port, host: "0.0.0.0" });`,
  koa: `const app = new (load("koa"))(); app.use((context) => { context.body = "hello"; }); app.listen(port);`,
  // As custom servers of Next.js are written.
  "custom server": `const { createServer } = require("http"), { parse } = require("url");
    const prepare = async () => {}, handle = async (request, response) => response.end(parse(request.url).pathname && "hello");
    prepare().then(() => createServer(async (request, response) => { await handle(request, response); })
      .once("error", () => process.exit(1)).listen(port, () => console.log("> Ready")));`,
};

test.each(Object.entries(APPS))("%s: two instances listen, are ready, and drain", async (_, code) => {
  const sockets = harness.hold({ host: "127.0.0.1" });
  const { port } = sockets.addresses[0]!;
  const program = harness.program(
    `const load = (name) => require(${JSON.stringify(packages.modules)} + "/" + name); const port = ${port}; ${code}`,
  );
  const instances = [0, 1].map((index) => harness.start({ args: [program], sockets, index }));
  await Promise.all(instances.map(({ ready }) => ready));
  const idle = await openClient({ port });
  expect(await idle.ask("/")).toMatchObject({ status: 200, body: "hello", connection: "keep-alive" });
  for (const instance of instances) instance.kill();
  let answer = await idle.ask("/");
  while (answer.connection !== "close") answer = await idle.ask("/");
  expect(answer).toMatchObject({ status: 200, body: "hello" });
  for (const { exited } of instances) expect(await exited).toEqual({ code: 0, signal: null });
});

/** What is used of it; Node 20 has no client of its own. */
interface WebSockets {
  WebSocket: new (url: string) => EventEmitter & { send: (text: string) => void };
}

test("ws: the connection goes on while the process drains", async () => {
  const sockets = harness.hold({});
  const { port } = sockets.addresses[0]!;
  const instance = harness.start({
    args: [
      harness.program(`const { WebSocketServer } = require(${JSON.stringify(join(packages.modules, "ws"))});
        const server = require("http").createServer((_, response) => response.end("hello"));
        new WebSocketServer({ server }).on("connection", (socket) => socket.on("message", (text) => socket.send(String(text))));
        server.listen(${port});`),
    ],
    sockets,
    env: { VELOS_KILL_TIMEOUT: "1000", VELOS_MAX_CONNECTION_AGE: "1" },
  });
  await instance.ready;
  const { WebSocket } = createRequire(import.meta.url)(join(packages.modules, "ws")) as WebSockets;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  const closed = once(socket, "close");
  await once(socket, "open");
  const echo = async (text: string): Promise<string> => {
    const answer = once(socket, "message");
    socket.send(text);
    return String((await answer)[0]);
  };
  expect(await echo("before")).toBe("before");
  const asker = await openClient({ port });
  instance.kill();
  while ((await asker.ask("/")).connection !== "close");
  expect(await echo("after")).toBe("after");
  await closed;
  expect(await instance.exited).toEqual({ code: 0, signal: null });
});
