import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import fastify from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import type { Batch, Line } from "../../src/http/push/followers.ts";
import { logRoutes } from "../../src/http/routes/logs.ts";
import { addRoutes } from "../../src/http/routes/register.ts";
import type { Asked } from "../../src/http/routes/route.ts";
import { route } from "../../src/http/routes/route.ts";
import type { Services } from "../../src/http/services.ts";

/** More than a stream takes before somebody reads it. */
const long: Line = { at: 1, app: "api", index: 0, stream: "stdout", level: "info", message: "x".repeat(1_000_000) };

/** A log of one long line, and who reads it. */
const makeServices = (): { services: Services; readers: Set<unknown> } => {
  const readers = new Set<unknown>();
  const services = {
    velosd: { lost: undefined, call: async () => ({ lines: [long] }) },
    logLimits: { run: async (work: () => Promise<unknown>) => work() },
    fleet: { names: ["api"], app: () => ({ instances: 1 }), instance: () => ({}) },
    followers: {
      onChange: () => () => {},
      follow: (_: string, listener: (batch: Batch) => void) => {
        readers.add(listener);
        return () => readers.delete(listener);
      },
    },
  };
  return { services: services as unknown as Services, readers };
};

describe("a log that is followed over HTTP", () => {
  const follow = async (
    gone: AbortSignal,
  ): Promise<{ bytes: Readable; readers: Set<unknown>; stalled: () => Promise<unknown> }> => {
    const { services, readers } = makeServices();
    const [logs] = logRoutes(services);
    const asked = { name: "api", query: { follow: true }, gone } as unknown as Asked<never, never>;
    const bytes = (await logs!.handle(asked)).bytes as Readable;
    return { bytes, readers, stalled: async () => once(bytes, "readable") };
  };

  it("is let go when a client goes that does not read", async () => {
    const { bytes, readers, stalled } = await follow(new AbortController().signal);
    await stalled();
    expect(readers.size).toBe(1);
    bytes.destroy();
    await expect.poll(() => readers.size, { timeout: 20_000 }).toBe(0);
  });

  it("is let go when a client goes before anything was read for it", async () => {
    const gone = new AbortController();
    const { bytes, readers } = await follow(gone.signal);
    expect(readers.size).toBe(1);
    gone.abort();
    bytes.destroy();
    await expect.poll(() => readers.size, { timeout: 20_000 }).toBe(0);
  });

  it("is let go when the client was gone before there was an answer", async () => {
    const { bytes, readers } = await follow(AbortSignal.abort());
    await expect.poll(() => readers.size, { timeout: 20_000 }).toBe(0);
    bytes.destroy();
  });
});

describe("what tells that the client is gone", () => {
  let app: FastifyInstance;
  afterEach(async () => app.close());

  /** A server with one route, and the connections to it. */
  const serve = async (handle: (asked: { gone: AbortSignal }) => Promise<object>): Promise<Socket[]> => {
    app = fastify({ forceCloseConnections: true });
    const sockets: Socket[] = [];
    app.server.on("connection", (socket: Socket) => sockets.push(socket));
    addRoutes(app, [route({ method: "GET", path: "/x", answers: {}, handle })]);
    await app.listen({ host: "127.0.0.1", port: 0 });
    return sockets;
  };

  const open = (): Socket => connect((app.server.address() as { port: number }).port, "127.0.0.1");

  it("tells it at once when the connection was lost before somebody asked", async () => {
    let isGone: boolean | undefined;
    const sockets = await serve(async (asked) => {
      const closed = once(sockets[0]!, "close");
      client.destroy();
      await closed;
      isGone = asked.gone.aborted;
      return {};
    });
    const client = open();
    client.write("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    await expect.poll(() => isGone, { timeout: 20_000 }).toBe(true);
  });

  it("leaves nothing at a connection that serves many requests", async () => {
    const signals: AbortSignal[] = [];
    const listeners: number[] = [];
    const sockets = await serve(async ({ gone }) => {
      signals.push(gone);
      listeners.push(sockets[0]!.listenerCount("close"));
      return { body: {} };
    });
    const client = open();
    for (let count = 1; count <= 3; count++) {
      client.write("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
      await once(client, "data");
      await expect.poll(() => signals.filter(({ aborted }) => aborted).length, { timeout: 20_000 }).toBe(count);
    }
    client.destroy();
    expect(sockets.length).toBe(1);
    expect(new Set(listeners).size).toBe(1);
  });
});
