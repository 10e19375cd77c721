import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { IncomingMessage, RequestOptions } from "node:http";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AppSpec } from "../../../src/domain/app.ts";
import { healthDefaults } from "../../../src/domain/app.ts";
import type { ListenAddress } from "../../../src/domain/listen.ts";
import type { ContractContext } from "../contract.ts";
import { freePort } from "../free-port.ts";

/** What a server answers with. */
interface Answer {
  index: number;
  pid: number;
  /** The descriptor that the request came by. */
  fd: number;
  env: Record<string, string>;
  flags: number[];
}

/** Speaks the protocol of LISTEN_FDS, and knows nothing of velos: every socket it was given serves. */
const BY_DESCRIPTOR = `
  const { createServer } = require("node:http");
  const { readFileSync } = require("node:fs");
  const { env, pid } = process;
  if (Number(env.LISTEN_PID) !== pid) throw new Error("the sockets are somebody else's");
  const flags = (fd) => parseInt(/flags:\\s+(\\d+)/.exec(readFileSync("/proc/self/fdinfo/" + fd, "utf8"))[1], 8);
  const descriptors = Array.from({ length: Number(env.LISTEN_FDS) }, (_, at) => at + 3);
  const before = descriptors.map(flags);
  for (const fd of descriptors)
    createServer((_, response) => {
      response.setHeader("connection", "close");
      response.end(JSON.stringify({ index: Number(env.VELOS_INSTANCE_ID), pid, fd, env, flags: before }));
    }).listen({ fd });
`;

/** Listens as any app does: it takes the preload to give it the socket. */
const byPort = (port: number): string => `
  require("node:http").createServer((_, response) => {
    response.setHeader("connection", "close");
    response.end(JSON.stringify({ index: Number(process.env.VELOS_INSTANCE_ID), pid: process.pid, env: process.env }));
  }).listen(${port});
`;

const O_NONBLOCK = 0o4000;

/** Asks once; rejects when the connection is refused. */
const ask = async (where: RequestOptions): Promise<Answer> => {
  const sent = request({ ...where, agent: false, timeout: 10_000 }).end();
  sent.once("timeout", () => sent.destroy(new Error("no answer within 10 s")));
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk as string;
  return JSON.parse(text) as Answer;
};

/** Asks until every one of so many instances has answered. */
const askAll = async (where: RequestOptions, count: number): Promise<Map<number, Answer>> => {
  const answers = new Map<number, Answer>();
  for (const deadline = performance.now() + 10_000; answers.size < count && performance.now() < deadline;) {
    for (const answer of await Promise.all(Array.from({ length: 8 }, () => ask(where))))
      answers.set(answer.index, answer);
  }
  return answers;
};

/** Whether somebody listens. */
const isOpen = (where: { port: number; host?: string } | { path: string }): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", ...where });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

/** The listening sockets that an app's instances share. Only instances with processes can. */
export const listenContract = (context: ContractContext): void => {
  describe("shared listening sockets", () => {
    let port = 0;
    let directory = "";
    let listen: ListenAddress[] = [];

    beforeEach(async () => {
      port = await freePort();
      directory = mkdtempSync(join(tmpdir(), "velos-listen-"));
      listen = [{ host: "127.0.0.1", port }];
    });
    afterEach(() => rmSync(directory, { recursive: true, force: true }));

    const script = (text: string, overrides: Partial<AppSpec> = {}): Partial<AppSpec> => {
      // A directory that another user may read too.
      const path = join(directory, "server.cjs");
      writeFileSync(path, text);
      return { program: process.execPath, args: [path], listen, ...overrides };
    };

    const serve = (index = 0, count = 1, overrides: Partial<AppSpec> = {}): Promise<AppSpec> =>
      context.start({ does: "run" }, script(BY_DESCRIPTOR, overrides), index, count);

    test("instances share them, and each finds its own pid beside them", async () => {
      for (const index of [0, 1]) await serve(index, 2);
      const answers = await askAll({ port }, 2);
      expect([...answers.keys()].sort()).toEqual([0, 1]);
      for (const { index, pid, env } of answers.values()) {
        expect(pid).toBe(context.watched.one(context.app, index)?.pid);
        expect(env).toMatchObject({ LISTEN_FDS: "1", LISTEN_FDNAMES: context.app, LISTEN_PID: String(pid) });
      }
    });

    test("they are in the order of the spec, do not block, and are all there are", async () => {
      const path = join(directory, "s");
      const other = await freePort();
      await serve(0, 1, { listen: [{ port }, { path, mode: 0o620 }, { host: "127.0.0.1", port: other }] });
      expect(await ask({ port, host: "127.0.0.1" })).toMatchObject({ fd: 3 });
      expect(await ask({ port, host: "::1" })).toMatchObject({ fd: 3 });
      expect(await ask({ socketPath: path })).toMatchObject({ fd: 4 });
      const { fd, env, flags } = await ask({ port: other });
      expect(fd).toBe(5);
      expect(env).toMatchObject({ LISTEN_FDS: "3", LISTEN_FDNAMES: Array(3).fill(context.app).join(":") });
      // They share that flag: one that blocked would take the others along.
      expect(flags.map((bits) => bits & O_NONBLOCK)).toEqual([O_NONBLOCK, O_NONBLOCK, O_NONBLOCK]);
      expect(statSync(path).mode & 0o777).toBe(0o620);
    });

    test("arguments and variables stay as they are", async () => {
      const odd = ["a b", "$HOME", "", "'\"", "-c", "\n"];
      const text = `${BY_DESCRIPTOR}; process.env.SEEN = JSON.stringify(process.argv.slice(2));`;
      const spec = script(text, { env: { PATH: "/usr/bin:/bin", ODD: odd.join("|") } });
      const { env: _ } = await context.start({ does: "run" }, { ...spec, args: [...spec.args!, ...odd] });
      const { env, pid } = await ask({ port });
      expect(JSON.parse(env["SEEN"]!)).toEqual(odd);
      expect(env["ODD"]).toBe(odd.join("|"));
      const told = await context.watched.backend.environment(context.app, 0);
      for (const name of Object.keys(env).filter((variable) => !/^LISTEN|^SEEN$/.test(variable)))
        if (context.watched.backend.name === "spawn") expect(told[name], name).toBe(env[name]);
      expect(pid).toBe(context.watched.one(context.app, 0)?.pid);
    });

    test("they are open before the first instance: who connects waits for it", async () => {
      const { backend } = context.watched;
      const spec = context.harness.spec(context.app, { does: "run" }, script(BY_DESCRIPTOR));
      await backend.prepare(spec);
      expect(backend.apps()).toContain(context.app);
      const asked = ask({ port });
      await backend.start(spec, 0, 1);
      expect(await asked).toMatchObject({ index: 0 });
    });

    test("no connection is refused while an only instance is restarted, by hand or after a crash", async () => {
      await serve(0, 1, { restartDelayMs: 200 });
      const { backend } = context.watched;
      const before = await ask({ port });
      const restarted = backend.restart(context.app, 0);
      await context.watched.until(context.app, 0, "leaving", ({ status }) => status !== "online");
      const second = await ask({ port });
      await restarted;
      expect(second.pid).not.toBe(before.pid);
      context.harness.crash(backend, context.app, 0);
      await context.watched.until(context.app, 0, "waiting", ({ status }) => status === "waiting");
      const third = await ask({ port });
      expect(third.pid).not.toBe(second.pid);
      expect(context.watched.one(context.app, 0)?.restarts).toBe(1);
    });

    test("they stay when every instance is stopped, until they are released", async () => {
      const path = join(directory, "s");
      await serve(0, 1, { listen: [...listen, { path }] });
      const { backend } = context.watched;
      await backend.stop(context.app, 0);
      await context.watched.untilGone(context.app, 0);
      expect([await isOpen({ port }), await isOpen({ path })]).toEqual([true, true]);
      await backend.release(context.app);
      expect([await isOpen({ port }), existsSync(path)]).toEqual([false, false]);
      expect(backend.apps()).not.toContain(context.app);
      await serve();
      expect(await ask({ port })).toMatchObject({ index: 0 });
    });

    test("addresses that are not in the spec any more are closed", async () => {
      const { backend } = context.watched;
      const spec = context.harness.spec(context.app, { does: "run" }, { listen });
      await backend.prepare(spec);
      const other = await freePort();
      await backend.prepare({ ...spec, listen: [{ host: "127.0.0.1", port: other }] });
      expect([await isOpen({ port }), await isOpen({ port: other })]).toEqual([false, true]);
      await backend.prepare({ ...spec, listen: [] });
      expect(await isOpen({ port: other })).toBe(false);
      expect(backend.apps()).not.toContain(context.app);
    });

    test("an address that is in use is told, with who uses it, and nothing is left open", async () => {
      const free = await freePort();
      const occupant = createServer().listen(port, "127.0.0.1");
      await once(occupant, "listening");
      try {
        const taken = serve(0, 1, { listen: [{ host: "127.0.0.1", port: free }, ...listen] });
        await expect(taken).rejects.toMatchObject({
          code: "PORT_IN_USE",
          details: { address: `127.0.0.1:${port}`, by: expect.stringContaining(`(pid ${process.pid})`) as string },
        });
        expect(await isOpen({ port: free })).toBe(false);
        expect(context.watched.backend.apps()).not.toContain(context.app);
      } finally {
        occupant.close();
      }
      await serve();
    });

    test("a path that somebody left behind is taken", async () => {
      const path = join(directory, "s");
      const earlier = createServer().listen(path);
      await once(earlier, "listening");
      // Closing removes the file; a copy of it is what a killed process would leave.
      const { linkSync } = await import("node:fs");
      linkSync(path, `${path}.kept`);
      await new Promise((resolve) => earlier.close(resolve));
      await serve(0, 1, { listen: [{ path: `${path}.kept` }] });
      expect(await ask({ socketPath: `${path}.kept` })).toMatchObject({ index: 0 });
    });

    test("they outlive velosd, for the instances there are and for those to come", async () => {
      await serve(0, 2);
      const before = await ask({ port });
      await context.replaceVelosd();
      expect(context.watched.backend.apps()).toContain(context.app);
      expect((await ask({ port })).pid).toBe(before.pid);
      await serve(1, 2);
      expect((await askAll({ port }, 2)).size).toBe(2);
      await context.watched.backend.stop(context.app, 0);
      await context.watched.backend.restart(context.app, 1);
      expect((await ask({ port })).index).toBe(1);
    });

    test("sockets without an instance are found by the next velosd, which can release them", async () => {
      const spec = context.harness.spec(context.app, { does: "run" }, { listen });
      await context.watched.backend.prepare(spec);
      await context.replaceVelosd();
      expect(context.watched.backend.apps()).toContain(context.app);
      expect(await isOpen({ port })).toBe(true);
      await context.watched.backend.release(context.app);
      expect(await isOpen({ port })).toBe(false);
    });

    test("an app of Node's is given the socket when it listens, and is ready then", async () => {
      await context.start({ does: "run" }, script(byPort(port), { interpreter: "node" }), 0, 2);
      await context.start({ does: "run" }, script(byPort(port), { interpreter: "node" }), 1, 2);
      const { pid } = await ask({ port });
      expect(context.watched.backend.observe(context.app).map((instance) => instance.pid)).toContain(pid);
      expect((await askAll({ port }, 2)).size).toBe(2);
      const { backend } = context.watched;
      await backend.restart(context.app, 1);
      expect((await askAll({ port }, 2)).size).toBe(2);
    });

    test("an app of Node's that never listens does not come up", async () => {
      const never = script("setInterval(() => {}, 1e6)", {
        interpreter: "node",
        listenTimeoutMs: 500,
        autorestart: false,
      });
      await expect(context.start({ does: "run" }, never)).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    });

    test("each instance of Node's can be asked for its health, by velosd alone", async () => {
      const health = { ...healthDefaults, http: "/healthz" };
      for (const index of [0, 1])
        await context.start({ does: "run" }, script(byPort(port), { interpreter: "node", health }), index, 2);
      const { backend } = context.watched;
      for (const index of [0, 1]) {
        const socketPath = backend.healthSocket(context.app, index);
        expect(await ask({ socketPath })).toMatchObject({ index });
        expect(statSync(dirname(socketPath)).mode & 0o077).toBe(0);
      }
      const socketPath = backend.healthSocket(context.app, 1);
      await backend.restart(context.app, 1);
      expect(await ask({ socketPath })).toMatchObject({ index: 1 });
      await backend.stop(context.app, 1);
      expect(existsSync(dirname(socketPath))).toBe(false);
    });
  });
};
