import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { request as requestTls } from "node:https";
import { connect as connectHttp2 } from "node:http2";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openClient } from "../preload/client.ts";
import { makeHarness, type Harness, type Sockets } from "../preload/harness.mjs";

let harness: Harness;
beforeAll(() => {
  harness = makeHarness();
});
afterEach(async () => harness.clear());
afterAll(async () => harness.close());

/** Answers with its pid, and prints where it listens. */
const SERVER = `
  const server = http.createServer((request, response) => response.end(String(process.pid)));
  const listening = () => console.log("at " + JSON.stringify(server.address()));
`;
const CJS = `const http = require("http"); const port = Number(process.env.PORT); ${SERVER}`;

const portOf = (sockets: Sockets, index = 0): number => sockets.addresses[index]!.port;

const startAt = (sockets: Sockets, code: string, extension = "cjs", options: { nodeOptions?: string } = {}) =>
  harness.start({
    args: [harness.program(code, extension)],
    sockets,
    env: { PORT: String(portOf(sockets) ?? "") },
    ...options,
  });

const pidBehind = async (where: { port: number; host?: string } | { path: string }): Promise<number> => {
  const client = await openClient(where);
  const { body } = await client.ask("/");
  client.socket.destroy();
  return Number(body);
};

describe("an app gets the held socket", () => {
  const forms = [
    "server.listen(port, listening)",
    "server.listen(String(port), listening)",
    "server.listen(port, 'localhost', listening)",
    "server.listen(port, '0.0.0.0', 511, listening)",
    "server.listen(port, '::', listening)",
    "server.listen({ port }, listening)",
    "server.listen({ port, host: '::1', backlog: 1, exclusive: true, ipv6Only: true, reusePort: true }, listening)",
    "server.on('listening', listening).listen(port)",
    "server.listen({ port, signal: new AbortController().signal }).on('listening', listening)",
    "server.listen({ fd: 3 }, listening)",
  ];
  test.each(forms)("%s", async (form) => {
    const sockets = harness.hold({ host: "127.0.0.1" });
    const instance = startAt(sockets, `${CJS} ${form}`);
    await instance.ready;
    const [, address] = await instance.printed(/at (.*)/);
    expect(JSON.parse(address!)).toEqual({ address: "127.0.0.1", family: "IPv4", port: portOf(sockets) });
    expect(await pidBehind({ port: portOf(sockets) })).toBe(instance.pid);
  });

  test("as a module, and beside --import", async () => {
    const sockets = harness.hold({});
    const imported = harness.program("globalThis.imported = true", "mjs");
    const instance = startAt(
      sockets,
      `import http from "node:http"; const port = +process.env.PORT; ${SERVER}
       console.log("imported", globalThis.imported, process.env.NODE_OPTIONS);
       await Promise.resolve(); server.listen(port, listening);`,
      "mjs",
      { nodeOptions: `--import ${imported}` },
    );
    await instance.ready;
    expect(await pidBehind({ port: portOf(sockets) })).toBe(instance.pid);
    await instance.printed(new RegExp(`imported true --import ${imported}\\n`));
  });

  test("at a path", async () => {
    const path = join(harness.directory, "app.sock");
    const sockets = harness.hold({ path });
    const instance = startAt(
      sockets,
      `${CJS} process.chdir(${JSON.stringify(harness.directory)}); server.listen("app.sock", listening)`,
    );
    await instance.ready;
    await instance.printed(/at "[^"]*app\.sock"/);
    expect(await pidBehind({ path })).toBe(instance.pid);
  });

  test("with https and http2", async () => {
    const key = join(harness.directory, "key.pem");
    const cert = join(harness.directory, "cert.pem");
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-subj",
        "/CN=localhost",
      ].concat(["-days", "2", "-keyout", key, "-out", cert]),
      { stdio: "ignore" },
    );
    const sockets = harness.hold({ host: "127.0.0.1" }, { host: "127.0.0.1" });
    const healthSocket = join(harness.directory, "health");
    const instance = harness.start({
      args: [
        harness.program(`
          const fs = require("fs"), tls = { key: fs.readFileSync(${JSON.stringify(key)}), cert: fs.readFileSync(${JSON.stringify(cert)}) };
          const answer = (request, response) => response.end(String(process.pid));
          require("https").createServer(tls, answer).listen(${portOf(sockets)}, () => 
            require("http2").createSecureServer(tls, answer).listen(${portOf(sockets, 1)}, () => console.log("both")));
        `),
      ],
      sockets,
      env: { VELOS_HEALTH_SOCKET: healthSocket },
    });
    await instance.printed(/both/);
    const overTls = await new Promise<string>((resolve, reject) => {
      requestTls({ host: "127.0.0.1", port: portOf(sockets), rejectUnauthorized: false, agent: false }, (response) => {
        response.setEncoding("utf8").on("data", resolve);
      })
        .on("error", reject)
        .end();
    });
    expect(Number(overTls)).toBe(instance.pid);
    const session = connectHttp2(`https://127.0.0.1:${portOf(sockets, 1)}`, { rejectUnauthorized: false });
    const overHttp2 = await new Promise<string>((resolve, reject) => {
      session.on("error", reject);
      session.request().setEncoding("utf8").on("data", resolve);
    });
    session.close();
    expect(Number(overHttp2)).toBe(instance.pid);
    // velosd asks for health in plain HTTP.
    expect(await pidBehind({ path: healthSocket })).toBe(instance.pid);
  });

  test("several instances answer behind one socket", async () => {
    const sockets = harness.hold({});
    const instances = [0, 1, 2].map(() => startAt(sockets, `${CJS} server.listen(port)`));
    await Promise.all(instances.map(({ ready }) => ready));
    const seen = new Set<number>();
    while (seen.size < 3) {
      // Those that are asked keep their connection; the next one goes to whoever is free.
      const client = await openClient({ port: portOf(sockets) });
      seen.add(Number((await client.ask("/")).body));
    }
    expect([...seen].sort()).toEqual(instances.map(({ pid }) => pid).sort());
  });
});

describe("several held sockets", () => {
  test("one port on two hosts: an app that names no host serves both", async () => {
    const sockets = harness.hold({ host: "127.0.0.1" });
    const port = portOf(sockets);
    const second = harness.hold({ host: "::1", port });
    const both = { addresses: [...sockets.addresses, ...second.addresses], fds: [...sockets.fds, ...second.fds] };
    const instance = startAt(both, `${CJS} server.listen(port, listening)`);
    await instance.ready;
    expect(await pidBehind({ port })).toBe(instance.pid);
    expect(await pidBehind({ port, host: "::1" })).toBe(instance.pid);
    // The second place ends with the first.
    expect(await harness.stop(instance)).toMatchObject({ code: 0 });
  });

  test("one port on two hosts: a named host decides", async () => {
    const sockets = harness.hold({ host: "127.0.0.1" });
    const port = portOf(sockets);
    const second = harness.hold({ host: "::1", port });
    const both = { addresses: [...sockets.addresses, ...second.addresses], fds: [...sockets.fds, ...second.fds] };
    const instance = startAt(
      both,
      `${CJS} const other = http.createServer((_, response) => response.end("v6"));
       other.listen(port, "::1", () => server.listen(port, "127.0.0.1", listening))`,
    );
    await instance.printed(/at/);
    expect(await pidBehind({ port })).toBe(instance.pid);
    const client = await openClient({ port, host: "::1" });
    expect((await client.ask("/")).body).toBe("v6");
  });

  test("another port is the app's own; the held one a second time is in use", async () => {
    const sockets = harness.hold({ host: "127.0.0.1" });
    const instance = startAt(
      sockets,
      `${CJS} server.listen(port, () => {
         const own = http.createServer((_, response) => response.end("own")).listen(0, "127.0.0.1", () => {
           console.log("own port", own.address().port);
           http.createServer().on("error", (error) => console.log("second:", error.code)).listen(port, "127.0.0.1");
         });
       })`,
    );
    await instance.printed(/second: EADDRINUSE/);
    const [, own] = await instance.printed(/own port (\d+)/);
    expect(Number(own)).not.toBe(portOf(sockets));
    const client = await openClient({ port: Number(own) });
    expect((await client.ask("/")).body).toBe("own");
  });
});

describe("the host that an app names", () => {
  const own = `const own = http.createServer((_, response) => response.end("own"))`;

  test.each([
    ["127.0.0.1", "127.0.0.2"],
    ["127.0.0.1", "::ffff:127.0.0.2"],
    ["::1", "127.0.0.2"],
  ])("held %s: %s is a socket of the app's own", async (host, other) => {
    const sockets = harness.hold({ host });
    const port = portOf(sockets);
    const instance = startAt(
      sockets,
      `${CJS} ${own}.listen(port, ${JSON.stringify(other)}, () => server.listen(port, ${JSON.stringify(host)}, listening))`,
    );
    await instance.ready;
    expect(await pidBehind({ port, host })).toBe(instance.pid);
    const client = await openClient({ port, host: other.replace("::ffff:", "") });
    expect((await client.ask("/")).body).toBe("own");
  });

  test.each([
    ["127.0.0.1", "a-name-that-nobody-has.invalid"],
    ["127.0.0.1", "LOCALHOST"],
    ["127.0.0.1", "::ffff:127.0.0.1"],
    ["127.0.0.2", "localhost"],
    ["127.0.0.2", "127.0.0.1"],
    ["127.0.0.2", "::1"],
    ["::1", "0:0:0:0:0:0:0:1"],
    ["::1", "0.0.0.0"],
    ["::1", "localhost"],
    ["0.0.0.0", "127.0.0.1"],
    ["::", "127.0.0.1"],
    [undefined, "127.0.0.1"],
    [undefined, "::1"],
  ])("held %s: %s is given it", async (host, asked) => {
    const sockets = harness.hold({ ...(host && { host }) });
    const port = portOf(sockets);
    const instance = startAt(sockets, `${CJS} server.listen(port, ${JSON.stringify(asked)}, listening)`);
    await instance.ready;
    expect(await pidBehind({ port, ...(host?.includes("1") && { host }) })).toBe(instance.pid);
    if (host) await instance.printed(new RegExp(`"address":"${host}"`));
  });

  test("of several with one port, each server gets its own, in any order", async () => {
    const sockets = harness.hold({ host: "127.0.0.1" });
    const port = portOf(sockets);
    const second = harness.hold({ host: "127.0.0.2", port });
    const both = { addresses: [...sockets.addresses, ...second.addresses], fds: [...sockets.fds, ...second.fds] };
    const instance = startAt(
      both,
      `${CJS} ${own}.listen(port, "127.0.0.3", () => {
         http.createServer((_, response) => response.end("second")).listen(port, "127.0.0.2", () => server.listen(port, "127.0.0.1", listening));
       })`,
    );
    await instance.printed(/at/);
    expect(await pidBehind({ port })).toBe(instance.pid);
    for (const [host, body] of [
      ["127.0.0.2", "second"],
      ["127.0.0.3", "own"],
    ] as const) {
      expect((await (await openClient({ port, host })).ask("/")).body).toBe(body);
    }
  });
});

describe("a held socket that a server has left", () => {
  test.each(["tcp", "unix"])("is the next one's, and what comes meanwhile waits for it: %s", async (kind) => {
    const path = join(harness.directory, "again.sock");
    const sockets = harness.hold(kind === "tcp" ? { host: "127.0.0.1" } : { path });
    const where = kind === "tcp" ? { port: portOf(sockets) } : { path };
    const instance = startAt(
      sockets,
      `${CJS} const place = ${JSON.stringify(kind === "tcp" ? portOf(sockets) : path)};
       const next = http.createServer((_, response) => response.end("next"));
       next.unref();
       // Again and again, on either server, at once and later.
       server.listen(place).once("listening", () => server.close(() => server.listen(place, () => {
         server.close(); server.listen(place, () => next.emit("go"));
       })));
       process.on("SIGUSR2", () => server.listening ? server.close(() => console.log("closed")) : next.listen(place, () => console.log("next")));
       next.once("go", listening);
       setInterval(() => {}, 1000);`,
    );
    await instance.printed(/at/);
    await instance.ready;
    const open = await openClient(where);
    expect(Number((await open.ask("/")).body)).toBe(instance.pid);
    open.socket.destroy();
    instance.kill("SIGUSR2");
    await instance.printed(/closed/);
    const waiting = await Promise.all(Array.from({ length: 5 }, async () => openClient(where)));
    for (const client of waiting) client.send("/");
    await new Promise((resolve) => setTimeout(resolve, 200));
    instance.kill("SIGUSR2");
    await instance.printed(/next/);
    for (const client of waiting) {
      expect((await client.next()).body).toBe("next");
      client.socket.destroy();
    }
    expect(await harness.stop(instance)).toMatchObject({ code: 0 });
  });

  test("is left to the other instances meanwhile, on all hosts", async () => {
    const sockets = harness.hold({ host: "127.0.0.1" });
    const port = portOf(sockets);
    const second = harness.hold({ host: "::1", port });
    const [left, other] = [0, 1].map((index) =>
      harness.start({
        args: [
          harness.program(`${CJS} server.listen(port);
            process.once("SIGUSR2", () => server.close(() => console.log("closed")));
            setInterval(() => {}, 1000);`),
        ],
        sockets: { addresses: [...sockets.addresses, ...second.addresses], fds: [...sockets.fds, ...second.fds] },
        index,
        env: { PORT: String(port) },
      }),
    );
    await Promise.all([left!.ready, other!.ready]);
    left!.kill("SIGUSR2");
    await left!.printed(/closed/);
    const hosts = Array.from({ length: 40 }, (_, i) => (i % 2 ? "127.0.0.1" : "::1"));
    const clients = await Promise.all(hosts.map(async (host) => openClient({ port, host })));
    const pids = await Promise.all(clients.map(async (client) => Number((await client.ask("/")).body)));
    expect(new Set(pids)).toEqual(new Set([other!.pid]));
  });

  test("does not take the asynchronous context along in which it was opened", async () => {
    const sockets = harness.hold({});
    const instance = startAt(
      sockets,
      `${CJS} const context = new (require("async_hooks").AsyncLocalStorage)();
       const next = http.createServer((_, response) => response.end(context.getStore()));
       const open = () => context.run("next", () => next.listen(port));
       context.run("first", () => server.listen(port, () => server.close(() => context.exit(open))));`,
    );
    await instance.ready;
    const client = await openClient({ port: portOf(sockets) });
    expect((await client.ask("/")).body).toBe("next");
  });

  test("does not keep a process that has nothing more to do", async () => {
    const instance = startAt(harness.hold({}), `${CJS} server.listen(port, () => server.close())`);
    expect(await instance.exited).toEqual({ code: 0, signal: null });
  });

  test.each([
    ["", "health-probed"],
    ["out", undefined],
  ])(
    "because it only looked: the server gets it, is ready only then, and stays; with%s a health socket",
    async (_, health) => {
      const sockets = harness.hold({});
      const healthSocket = health && join(harness.directory, health);
      const instance = harness.start({
        // As get-port does it, for one host after the other.
        args: [
          harness.program(`${CJS}
          const probe = (options) => new Promise((resolve, reject) => {
            const server = require("net").createServer();
            server.unref();
            server.on("error", reject);
            server.listen(options, () => { const { port } = server.address(); server.close(() => resolve(port)); });
          });
          (async () => {
            for (const host of [undefined, "0.0.0.0", "127.0.0.1", "::1", "::"]) console.log("free", await probe({ port, host }));
            await new Promise((resolve) => process.once("SIGUSR2", resolve));
            server.listen(port, listening);
          })();
          const waiting = setInterval(() => {}, 1000);
          server.once("listening", () => clearInterval(waiting));`),
        ],
        sockets,
        env: { PORT: String(portOf(sockets)), ...(healthSocket && { VELOS_HEALTH_SOCKET: healthSocket }) },
      });
      await instance.printed(/(free \d+\s+){5}/);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(instance.messages).toEqual(["LISTENING"]);
      instance.kill("SIGUSR2");
      await instance.ready;
      expect(await pidBehind({ port: portOf(sockets) })).toBe(instance.pid);
      if (healthSocket) expect(await pidBehind({ path: healthSocket })).toBe(instance.pid);
      // Nothing but its server keeps it.
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(await pidBehind({ port: portOf(sockets) })).toBe(instance.pid);
      expect(await harness.stop(instance)).toMatchObject({ code: 0 });
    },
  );

  test("takes its further hosts and the health socket along", async () => {
    const sockets = harness.hold({ host: "127.0.0.1" });
    const port = portOf(sockets);
    const second = harness.hold({ host: "::1", port });
    const healthSocket = join(harness.directory, "health-again");
    const instance = harness.start({
      args: [
        harness.program(`${CJS} server.listen(port, listening);
          process.once("SIGUSR2", () => server.close(() => {
            http.createServer((_, response) => response.end("next")).listen(port, () => setImmediate(() => console.log("next")));
          }));`),
      ],
      sockets: { addresses: [...sockets.addresses, ...second.addresses], fds: [...sockets.fds, ...second.fds] },
      env: { PORT: String(port), VELOS_HEALTH_SOCKET: healthSocket },
    });
    await instance.ready;
    expect(await pidBehind({ path: healthSocket })).toBe(instance.pid);
    instance.kill("SIGUSR2");
    await instance.printed(/next/);
    for (const where of [{ port }, { port, host: "::1" }, { path: healthSocket }]) {
      const client = await openClient(where);
      expect((await client.ask("/")).body).toBe("next");
      client.socket.destroy();
    }
    expect(await harness.stop(instance)).toMatchObject({ code: 0 });
  });

  test.each(["SCHED_RR", "SCHED_NONE"])("with the last worker of a cluster is its successor's: %s", async (policy) => {
    const sockets = harness.hold({ host: "127.0.0.1" });
    const instance = startAt(
      sockets,
      `const cluster = require("cluster"); ${CJS}
       cluster.schedulingPolicy = cluster.${policy};
       if (cluster.isPrimary) {
         cluster.fork();
         cluster.on("exit", (worker) => worker.exitedAfterDisconnect || cluster.fork());
         cluster.on("listening", (worker) => console.log("worker", worker.process.pid, "of", worker.id));
         process.on("SIGUSR2", () => Object.values(cluster.workers)[0].process.kill("SIGKILL"));
       } else server.on("error", (error) => console.log(error.code)).listen(port);`,
    );
    await instance.ready;
    for (const id of [1, 2, 3]) {
      const [, pid] = await instance.printed(new RegExp(`worker (\\d+) of ${id}`));
      expect(await pidBehind({ port: portOf(sockets) })).toBe(Number(pid));
      if (id < 3) instance.kill("SIGUSR2");
    }
    expect(await harness.stop(instance)).toMatchObject({ code: 0 });
    expect(instance.output).not.toContain("EADDRINUSE");
  });
});

describe("readiness", () => {
  test("is said once, whatever says it", async () => {
    const sockets = harness.hold({}, {});
    const instance = startAt(
      sockets,
      `${CJS} server.listen(port, () => {
         http.createServer().listen(${portOf(sockets, 1)}, () => process.send("ready", () => {
           process.send({ other: "message" });
           console.log("sent");
         }));
       })`,
    );
    await instance.ready;
    await instance.printed(/sent/);
    await harness.stop(instance);
    expect(instance.messages.filter((message) => message === "READY=1")).toHaveLength(1);
  });

  test("without sockets: not for who only looks whether a port is free", async () => {
    const instance = harness.start({
      args: [
        harness.program(`const net = require("net");
          net.createServer().listen(0, function () { this.close(() => console.log("looked")); });
          process.once("SIGUSR2", () => net.createServer().listen(0));
          setInterval(() => {}, 1000);`),
      ],
    });
    await instance.printed(/looked/);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(instance.messages).toEqual(["LISTENING"]);
    instance.kill("SIGUSR2");
    await instance.ready;
  });

  test("with wait_ready is what the app says, not that it listens", async () => {
    const sockets = harness.hold({});
    const instance = harness.start({
      args: [
        harness.program(`${CJS} server.listen(port, listening); process.once("SIGUSR2", () => process.send("ready"))`),
      ],
      sockets,
      ready: "message",
      env: { PORT: String(portOf(sockets)) },
    });
    await instance.printed(/at/);
    expect(await pidBehind({ port: portOf(sockets) })).toBe(instance.pid);
    expect(instance.messages).toEqual(["LISTENING"]);
    instance.kill("SIGUSR2");
    await instance.ready;
  });

  test("without sockets: process.send, in a file where there is no notification socket", async () => {
    const file = join(harness.directory, "ready");
    const instance = harness.start({
      args: [
        harness.program(`
          const fs = require("fs");
          fs.watch(${JSON.stringify(harness.directory)}, (_, name) => name === "ready" && console.log("file"));
          process.send("ready");`),
      ],
      ready: "",
      env: { VELOS_READY: "message", VELOS_READY_FILE: file },
    });
    await instance.printed(/file/);
    expect(readFileSync(file, "utf8")).toBe("");
  });

  test("an app that is not asked for it has no process.send", async () => {
    const instance = startAt(harness.hold({}), "console.log(typeof process.send)");
    instance.ready.catch(() => undefined);
    await instance.exited;
    const silent = harness.start({
      args: [harness.program("console.log(typeof process.send)")],
      sockets: harness.hold({}),
      ready: "",
    });
    await silent.exited;
    expect([instance.output, silent.output]).toEqual(["function\n", "undefined\n"]);
  });
});

describe("the health socket", () => {
  test("leads to this very instance", async () => {
    const sockets = harness.hold({});
    const instances = [0, 1].map((index) =>
      harness.start({
        args: [harness.program(`${CJS} server.listen(port)`)],
        sockets,
        index,
        env: { PORT: String(portOf(sockets)), VELOS_HEALTH_SOCKET: join(harness.directory, `health-${index}`) },
      }),
    );
    await Promise.all(instances.map(({ ready }) => ready));
    for (const { index, pid } of [...instances, ...instances]) {
      expect(await pidBehind({ path: join(harness.directory, `health-${index}`) })).toBe(pid);
    }
    for (const instance of instances) expect(await harness.stop(instance)).toMatchObject({ code: 0 });
  });
});

describe("what is not the instance is left alone", () => {
  const REPORT = `console.log(JSON.stringify({
    options: process.env.NODE_OPTIONS, velos: Object.keys(process.env).filter((name) => name.startsWith("VELOS_")).sort(),
    send: typeof process.send, listeners: process.listenerCount("SIGTERM"),
    listen: require("net").Server.prototype.listen.toString().includes("_handle") }))`;

  test("child processes and worker threads start as if there were no velos", async () => {
    const sockets = harness.hold({});
    const child = harness.program(REPORT);
    const instance = startAt(
      sockets,
      `${CJS} server.listen(port, () => {
         const { spawn } = require("child_process"), { Worker } = require("worker_threads");
         spawn(process.execPath, [${JSON.stringify(child)}], { stdio: "inherit" }).on("exit", () => {
           new Worker('const own = require("http").createServer().listen(0, () => { console.log("thread", own.address().port); own.close(); })', { eval: true });
         });
       })`,
      "cjs",
      { nodeOptions: "--max-old-space-size=128" },
    );
    await instance.printed(/thread \d+/);
    const [line] = await instance.printed(/\{.*\}/);
    expect(JSON.parse(line)).toEqual({
      options: "--max-old-space-size=128",
      velos: ["VELOS_INSTANCE_ID"],
      send: "undefined",
      listeners: 0,
      listen: true,
    });
    expect(await pidBehind({ port: portOf(sockets) })).toBe(instance.pid);
  });

  test("a process that was not meant does nothing, even with every variable set", async () => {
    const sockets = harness.hold({});
    const instance = harness.start({
      // The shell stays: it is the process that LISTEN_PID names.
      command: "sh",
      args: ["-c", '"$@"; exit', "sh", process.execPath, harness.program(REPORT)],
      sockets,
    });
    await instance.exited;
    expect(JSON.parse(instance.output)).toMatchObject({ send: "undefined", listeners: 0 });
    expect(instance.output).toContain("VELOS_LISTEN");
  });

  test.each([
    ["connections", "SCHED_RR"],
    ["sockets", "SCHED_NONE"],
  ])("the app's own cluster, whose primary passes on %s", async (_, policy) => {
    const sockets = harness.hold({});
    const instance = startAt(
      sockets,
      `const cluster = require("cluster"); ${CJS}
       cluster.schedulingPolicy = cluster.${policy};
       if (cluster.isPrimary) {
         let listening = 0;
         for (let i = 0; i < 2; i++) cluster.fork({ OWN: "1" });
         cluster.on("listening", () => ++listening === 2 && console.log("both", Object.values(cluster.workers).map((w) => w.process.pid).join(" ")));
       } else server.listen(port);`,
    );
    await instance.ready;
    const [, pids] = await instance.printed(/both (.*)/);
    const seen = new Set<number>();
    while (seen.size < (policy === "SCHED_RR" ? 2 : 1)) seen.add(await pidBehind({ port: portOf(sockets) }));
    for (const pid of seen) expect(pids!.split(" ").map(Number)).toContain(pid);
    expect(instance.messages.filter((message) => message === "READY=1")).toHaveLength(1);
    expect(await harness.stop(instance)).toMatchObject({ code: 0 });
  });
});
