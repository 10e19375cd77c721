import { createServer as createHttpServer } from "node:http";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import { createServer } from "node:net";
import { gunzipSync } from "node:zlib";
import type { ServerCredentials, ServiceDefinition } from "@grpc/grpc-js";
import * as grpc from "@grpc/grpc-js";
import { freePort } from "../backend/free-port.ts";
import { until } from "../integration/systemd/until.ts";
import type { ReceivedPoint, ReceivedSpan } from "./received.ts";
import { readPoints, readSpans } from "./received.ts";

/** A collector of the test's own, with what has arrived at it. */
export interface Collector {
  url: string;
  spans: ReceivedSpan[];
  points: ReceivedPoint[];
  /** Of the last request: headers, or the metadata of gRPC. */
  headers: Record<string, string>;
  /** What to answer instead of "ok": a status of gRPC or HTTP, or nothing at all. */
  refuse: number | "never" | undefined;
  /** Waits until a span has arrived. */
  span: (what: string, is: (span: ReceivedSpan) => boolean, withinMs?: number) => Promise<ReceivedSpan>;
  stop: () => Promise<void>;
}

const fresh = (url: string, stop: () => Promise<void>): Collector => {
  const collector: Collector = {
    url,
    spans: [],
    points: [],
    headers: {},
    refuse: undefined,
    span: (what, is, withinMs) => until(`a span arrives: ${what}`, () => collector.spans.find(is), withinMs),
    stop,
  };
  return collector;
};

const take = (collector: Collector, signal: string, bytes: Buffer): void => {
  if (signal === "traces") collector.spans.push(...readSpans(bytes));
  else collector.points.push(...readPoints(bytes));
};

const raw = (bytes: Buffer): Buffer => bytes;
const service = (path: string): ServiceDefinition => ({
  Export: {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: raw,
    requestDeserialize: raw,
    responseSerialize: raw,
    responseDeserialize: raw,
  },
});

/** A real gRPC server with the services of OTLP. */
export const startGrpcCollector = async (
  options: { port?: number; credentials?: ServerCredentials } = {},
): Promise<Collector> => {
  const server = new grpc.Server();
  const { credentials = grpc.ServerCredentials.createInsecure() } = options;
  const port = options.port ?? (await freePort());
  const stop = async (): Promise<void> => server.forceShutdown();
  const collector = fresh(`${options.credentials ? "https" : "http"}://127.0.0.1:${port}`, stop);
  const handler =
    (signal: string): grpc.handleUnaryCall<Buffer, Buffer> =>
    (call, answer) => {
      collector.headers = Object.fromEntries(
        Object.entries(call.metadata.getMap()).map(([name, value]) => [name, String(value)]),
      );
      if (collector.refuse === "never") return;
      if (collector.refuse !== undefined) return answer({ code: collector.refuse, details: "the test refuses" });
      take(collector, signal, call.request);
      answer(null, Buffer.alloc(0));
    };
  for (const [signal, name] of [
    ["traces", "trace.v1.TraceService"],
    ["metrics", "metrics.v1.MetricsService"],
  ] as const) {
    server.addService(service(`/opentelemetry.proto.collector.${name}/Export`), { Export: handler(signal) });
  }
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error) => (error ? reject(error) : resolve())),
  );
  return collector;
};

/** A collector for OTLP over HTTP in its binary form. */
export const startHttpCollector = async (): Promise<Collector> => {
  const server = createHttpServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      collector.headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      );
      if (collector.refuse === "never") return;
      const signal = /^\/v1\/(traces|metrics)$/.exec(request.url ?? "")?.[1];
      response.statusCode = typeof collector.refuse === "number" ? collector.refuse : signal ? 200 : 404;
      const body = Buffer.concat(parts);
      if (response.statusCode === 200)
        take(collector, signal!, request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body);
      response.setHeader("content-type", "application/x-protobuf");
      response.end();
    });
  });
  const port = await freePort();
  const collector = fresh(`http://127.0.0.1:${port}`, async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", () => resolve()));
  return collector;
};

/** Takes connections and never says a word. */
export const startSilence = async (): Promise<{ url: string; stop: () => Promise<void> }> => {
  const sockets = new Set<Socket>();
  const server: NetServer = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.resume();
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", () => resolve()));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};
