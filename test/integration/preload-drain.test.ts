import { once } from "node:events";
import { connect as connectHttp2, constants, type ClientHttp2Session } from "node:http2";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startLoad } from "../load/load.mjs";
import { openClient, type Client } from "../preload/client.ts";
import { fixture, makeHarness, type Harness, type Instance, type Sockets } from "../preload/harness.mjs";
import { INSTALL_TIMEOUT_MS, installPackages } from "../preload/packages.ts";

let harness: Harness;
beforeAll(() => {
  harness = makeHarness();
});
afterEach(async () => harness.clear());
afterAll(async () => harness.close());

/** `/slow` is answered when somebody asks for `/release`; `/upgrade` speaks another protocol from then on. */
const SERVER = `
  const http = require("http"), held = [];
  const server = http.createServer((request, response) => {
    if (request.url === "/slow") held.push(response);
    else if (request.url === "/release") { for (const other of held.splice(0)) other.end("slow"); response.end("released"); }
    else if (request.url === "/insists") response.writeHead(200, { Connection: "keep-alive", "Content-Length": 5 }).end("hello");
    else response.end("hello");
  });
  server.on("upgrade", (_, socket) => socket.on("data", (data) => socket.write(data)).write("HTTP/1.1 101 Switching\\r\\nUpgrade: echo\\r\\nConnection: Upgrade\\r\\n\\r\\n"));
  server.listen(Number(process.env.PORT));
`;

const start = (
  code: string,
  { sockets = harness.hold({}), env = {} }: { sockets?: Sockets; env?: Record<string, string> } = {},
) => {
  const port = sockets.addresses[0]!.port;
  return {
    port,
    instance: harness.start({ args: [harness.program(code)], sockets, env: { PORT: String(port), ...env } }),
  };
};

const startReady = async (...args: Parameters<typeof start>): Promise<ReturnType<typeof start>> => {
  const started = start(...args);
  await started.instance.ready;
  return started;
};

/** Signals, and asks on one of the connections until an answer shows that the signal has been heard. */
const terminate = async (instance: Instance, client: Client, signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
  instance.kill(signal);
  while ((await client.ask("/")).connection !== "close");
  await client.closed;
};

const EXITED = { code: 0, signal: null };

describe("an app without a handler", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s: what is open is answered, and told to come back elsewhere",
    async (signal) => {
      const { port, instance } = await startReady(SERVER);
      const [slow, idle, other, asker] = await Promise.all([1, 2, 3, 4].map(async () => openClient({ port })));
      for (const client of [slow!, idle!, other!]) expect((await client.ask("/")).connection).toBe("keep-alive");
      slow!.send("/slow");
      await terminate(instance, asker!, signal);
      expect(await idle!.ask("/insists")).toMatchObject({ status: 200, connection: "close" });
      expect(await other!.ask("/release")).toMatchObject({ body: "released", connection: "close" });
      expect(await slow!.next()).toMatchObject({ body: "slow", connection: "close" });
      expect(await instance.exited).toEqual(EXITED);
    },
  );

  test("it accepts nothing more, and the next instance gets what has come meanwhile", async () => {
    const sockets = harness.hold({});
    const { port, instance } = await startReady(SERVER, { sockets });
    const [slow, asker, releaser] = await Promise.all([1, 2, 3].map(async () => openClient({ port })));
    expect((await releaser!.ask("/")).connection).toBe("keep-alive");
    slow!.send("/slow");
    await terminate(instance, asker!);
    const late = await openClient({ port });
    late.send("/");
    expect((await releaser!.ask("/release")).connection).toBe("close");
    await slow!.next();
    expect(await instance.exited).toEqual(EXITED);
    await startReady(SERVER, { sockets });
    expect(await late.next()).toMatchObject({ body: "hello", connection: "keep-alive" });
  });

  test("without connections it is gone at once", async () => {
    const { instance } = await startReady(SERVER);
    const { tookMs, ...end } = await harness.stop(instance);
    expect(end).toEqual(EXITED);
    expect(tookMs).toBeLessThan(500);
  });

  test("pipelined requests are all answered, the last one tells", async () => {
    const { port, instance } = await startReady(SERVER);
    const [client, asker, releaser] = await Promise.all([1, 2, 3].map(async () => openClient({ port })));
    await releaser!.ask("/");
    client!.send("/slow", "/", "/");
    await terminate(instance, asker!);
    await releaser!.ask("/release");
    expect(await client!.next()).toMatchObject({ body: "slow", connection: "keep-alive" });
    expect((await client!.next()).connection).toBe("keep-alive");
    // This answer was ready, and its head written, before the signal.
    expect((await client!.next()).body).toBe("hello");
    client!.socket.end();
    expect(await instance.exited).toEqual(EXITED);
  });

  test("an idle connection is left alone for a while, and then closed", async () => {
    const { port, instance } = await startReady(SERVER, { env: { VELOS_KILL_TIMEOUT: "1000" } });
    const idle = await openClient({ port });
    await idle.ask("/");
    const { tookMs, ...end } = await harness.stop(instance);
    await idle.closed;
    expect(end).toEqual(EXITED);
    expect(tookMs).toBeGreaterThan(390);
    expect(tookMs).toBeLessThan(790);
  });

  test("an upgraded connection lives until shortly before the kill timeout", async () => {
    const { port, instance } = await startReady(SERVER, { env: { VELOS_KILL_TIMEOUT: "1000" } });
    const [upgraded, asker] = await Promise.all([1, 2].map(async () => openClient({ port })));
    upgraded!.socket.removeAllListeners("data");
    upgraded!.socket.write("GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    await once(upgraded!.socket, "data");
    const begun = performance.now();
    await terminate(instance, asker!);
    upgraded!.socket.write("still there");
    expect(await once(upgraded!.socket, "data")).toEqual(["still there"]);
    await upgraded!.closed;
    expect(await instance.exited).toEqual(EXITED);
    expect(performance.now() - begun).toBeGreaterThan(790);
  });

  test("one that listens nowhere ends as it would without us", async () => {
    const { instance } = start('setInterval(() => {}, 1000); console.log("runs")');
    await instance.printed(/runs/);
    expect(await harness.stop(instance)).toMatchObject({ code: null, signal: "SIGTERM" });
  });

  test("a server at a port of its own is drained as well", async () => {
    const { port } = harness.hold({}).addresses[0]!;
    await harness.clear();
    const instance = harness.start({ args: [harness.program(SERVER)], env: { PORT: String(port) } });
    await instance.ready;
    const [slow, asker, releaser] = await Promise.all([1, 2, 3].map(async () => openClient({ port })));
    await releaser!.ask("/");
    slow!.send("/slow");
    await terminate(instance, asker!);
    await releaser!.ask("/release");
    expect((await slow!.next()).body).toBe("slow");
    expect(await instance.exited).toEqual(EXITED);
  });

  test("http2: requests go on until the client has heard GOAWAY", async () => {
    const { port, instance } = await startReady(
      'require("http2").createServer((request, response) => response.end("hello")).listen(Number(process.env.PORT))',
    );
    const idle = connectHttp2(`http://127.0.0.1:${port}`);
    await once(idle, "remoteSettings");
    const ask = async (session: ClientHttp2Session): Promise<void> => {
      const stream = session.request();
      const closed = once(stream, "close");
      stream.resume();
      await closed;
      expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
    };
    const busy = connectHttp2(`http://127.0.0.1:${port}`);
    const goneAway = once(busy, "goaway");
    await ask(busy);
    instance.kill();
    while (!busy.closed) await ask(busy);
    await goneAway;
    await once(idle, "close");
    expect(await instance.exited).toEqual(EXITED);
  });
});

describe("an app with a handler of its own", () => {
  const OWN = `${SERVER} process.on("SIGTERM", () => { console.log("own"); server.close(() => process.exit(7)); });`;

  test("ends itself; its clients lose nothing", async () => {
    const { port, instance } = await startReady(OWN);
    const [idle, asker] = await Promise.all([1, 2].map(async () => openClient({ port })));
    await idle!.ask("/");
    await terminate(instance, asker!);
    // http.Server.close() would have closed this connection by now.
    expect(await idle!.ask("/")).toMatchObject({ status: 200, connection: "close" });
    expect(await instance.exited).toEqual({ code: 7, signal: null });
    expect(instance.output).toBe("own\n");
  });

  test.each(["once", "prependOnceListener"])("heard with process.%s: it has its time", async (add) => {
    const { port, instance } = await startReady(`${SERVER}
      process.${add}("SIGTERM", () => {
        server.close();
        setTimeout(() => { console.log("own cleanup done"); process.exit(7); }, 300);
      });`);
    const [idle, asker] = await Promise.all([1, 2].map(async () => openClient({ port })));
    await idle!.ask("/");
    await terminate(instance, asker!);
    // Its handler, even where it comes first, did not end the connection.
    expect(await idle!.ask("/")).toMatchObject({ status: 200, connection: "close" });
    expect(await instance.exited).toEqual({ code: 7, signal: null });
    expect(instance.output).toBe("own cleanup done\n");
  });

  test(
    "does not see that there is another, and signal-exit works, of both generations",
    async () => {
      const { modules, remove } = installPackages({ old: "npm:signal-exit@3", new: "npm:signal-exit@4" });
      try {
        for (const name of ["old", "new"]) {
          const { port, instance } = await startReady(
            `console.log(process.listeners("SIGTERM").length);
             const loaded = require(${JSON.stringify(join(modules, name))});
             (loaded.onExit ?? loaded)(() => console.log("cleaned up")); ${SERVER}`,
          );
          const [slow, asker, releaser] = await Promise.all([1, 2, 3].map(async () => openClient({ port })));
          await releaser!.ask("/");
          slow!.send("/slow");
          await terminate(instance, asker!);
          await instance.printed(/^0\ncleaned up/);
          await releaser!.ask("/release");
          expect((await slow!.next()).body).toBe("slow");
          expect(await instance.exited).toEqual(EXITED);
        }
      } finally {
        remove();
      }
    },
    INSTALL_TIMEOUT_MS,
  );

  test("is sent the message shutdown where it asked for it", async () => {
    const { instance } = await startReady(
      `${SERVER} process.on("message", (message) => { console.log("message", message); server.close(() => process.exit(3)); })`,
      { env: { VELOS_SHUTDOWN_MESSAGE: "1" } },
    );
    expect(await harness.stop(instance)).toMatchObject({ code: 3 });
    expect(instance.output).toBe("message shutdown\n");
  });

  test("asked for the message but does not listen to it: it is drained", async () => {
    const { instance } = await startReady(SERVER, { env: { VELOS_SHUTDOWN_MESSAGE: "1" } });
    expect(await harness.stop(instance)).toMatchObject(EXITED);
  });
});

describe("the age of connections, where the load of the other instances is not known", () => {
  const AGED = { VELOS_MAX_CONNECTION_AGE: "40" };
  /** A connection whose own age, at most 40 ms, has passed since its first answer, which may have been too late for it. */
  const old = async (to: { port: number }): Promise<Client> => {
    for (;;) {
      const client = await openClient(to);
      if ((await client.ask("/")).connection === "close") continue;
      await new Promise((resolve) => setTimeout(resolve, 41));
      return client;
    }
  };

  test("closes with an answer, whatever the app says of the connection", async () => {
    const { port } = await startReady(SERVER, { env: AGED });
    for (const path of ["/", "/insists"]) {
      const client = await old({ port });
      expect(await client.ask(path)).toMatchObject({ body: "hello", connection: "close" });
      await client.closed;
    }
  });

  test("never before pipelined requests are answered, nor while one is still being sent", async () => {
    const { port } = await startReady(SERVER, { env: AGED });
    const pipelining = await old({ port });
    pipelining.send("/", "/", "/");
    await expect(Promise.all([pipelining.next(), pipelining.next(), pipelining.next()])).resolves.toMatchObject([
      { body: "hello", connection: "keep-alive" },
      { body: "hello", connection: "keep-alive" },
      { body: "hello", connection: "close" },
    ]);
    const uploading = await old({ port });
    uploading.socket.write("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nab");
    expect((await uploading.next()).connection).toBe("keep-alive");
    uploading.socket.write("cd");
    expect((await uploading.ask("/")).connection).toBe("close");
  });

  test("does not concern upgraded connections, nor ports that are not shared", async () => {
    const { port, instance } = await startReady(
      `${SERVER} const own = http.createServer((_, response) => response.end("own")).listen(0, () => console.log("own port", own.address().port));`,
      { env: AGED },
    );
    const [, ownPort] = await instance.printed(/own port (\d+)/);
    const own = await old({ port: Number(ownPort) });
    for (let i = 0; i < 10; i++) expect((await own.ask("/")).connection).toBe("keep-alive");
    const upgraded = await old({ port });
    upgraded.socket.removeAllListeners("data");
    upgraded.socket.write("GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    await once(upgraded.socket, "data");
    for (let i = 0; i < 10; i++) {
      upgraded.socket.write("ping");
      expect(await once(upgraded.socket, "data")).toEqual(["ping"]);
    }
  });
});

describe("under load no request fails or hangs", () => {
  const expectNothingLost = (report: { failed: number; hung: number; errors: object; ok: number }): void => {
    expect(report).toMatchObject({ failed: 0, hung: 0, errors: {} });
    expect(report.ok).toBeGreaterThan(0);
  };

  test.each([
    ["4 instances, keep-alive", { count: 4, keepAlive: true, server: "server.cjs" }],
    ["4 instances, a connection per request", { count: 4, keepAlive: false, server: "server.cjs" }],
    ["4 instances with a handler of their own, keep-alive", { count: 4, keepAlive: true, server: "own-handler.cjs" }],
    ["one instance, keep-alive", { count: 1, keepAlive: true, server: "server.cjs" }],
  ])("%s", async (_, { count, keepAlive, server }) => {
    const sockets = harness.hold({});
    const { port } = sockets.addresses[0]!;
    const env = { PORT: String(port), VELOS_MAX_CONNECTION_AGE: "100" };
    const app = await harness.startApp({ count, args: [fixture(server)], sockets, env });
    const load = startLoad({ url: `http://127.0.0.1:${port}/`, clients: 32, keepAlive });
    for (const end of await app.roll()) expect(end.signal).toBe(null);
    expectNothingLost(await load.stop());
  });

  test("a cluster of the app's own", async () => {
    const sockets = harness.hold({});
    const { port } = sockets.addresses[0]!;
    const program = harness.program(`
      const cluster = require("cluster");
      if (cluster.isPrimary) {
        for (let i = 0; i < 2; i++) cluster.fork();
        cluster.on("exit", (worker) => worker.exitedAfterDisconnect || (console.log("a worker died"), cluster.fork()));
      } else require(${JSON.stringify(fixture("server.cjs"))});`);
    for (const keepAlive of [true, false]) {
      const app = await harness.startApp({ count: 1, args: [program], sockets, env: { PORT: String(port) } });
      const load = startLoad({ url: `http://127.0.0.1:${port}/`, clients: 16, keepAlive });
      for (const end of await app.roll()) expect(end).toMatchObject(EXITED);
      expectNothingLost(await load.stop());
      expect(app.instances[0]!.output).toBe("");
      await harness.stop(app.instances[0]!);
    }
  });
});
