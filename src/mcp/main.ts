import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { setImmediate } from "node:timers/promises";
import type { Readable, Writable } from "node:stream";
import type { ConnectOptions } from "../client/connect.ts";
import { connectDaemon } from "../client/connect.ts";
import type { Connection } from "../client/connection.ts";
import { createMcpServer } from "./server.ts";
import type { McpOptions } from "./server.ts";

export interface StdioOptions extends Omit<McpOptions, "withDaemon"> {
  connect: ConnectOptions;
}

/** A connection a call: velosd may come and go between two of them. */
const withDaemon = async <T>(options: ConnectOptions, use: (daemon: Connection) => Promise<T>): Promise<T> => {
  const daemon = await connectDaemon(options);
  try {
    return await use(daemon);
  } finally {
    daemon.close();
  }
};

/**
 * Serves one client over a pair of streams, one message a line, until `signal` fires, or the input ends and what was
 * asked before is answered.
 */
export const serveStdio = async (
  options: StdioOptions,
  streams: { input: Readable; output: Writable },
  signal: AbortSignal,
): Promise<void> => {
  const underWay = new Set<Promise<unknown>>();
  const server = createMcpServer({
    ...options,
    withDaemon: async (use) => {
      const call = withDaemon(options.connect, use);
      underWay.add(call);
      return call.finally(() => underWay.delete(call));
    },
  });
  const closed = new Promise<void>((resolve) => (server.onclose = resolve));
  const close = (): void => void server.close();
  streams.input.once("end", () => void answered(underWay).then(close));
  // The client is gone: there is nobody to answer.
  streams.output.once("error", close);
  signal.addEventListener("abort", close, { once: true });
  await server.connect(new StdioServerTransport(streams.input, streams.output));
  if (signal.aborted) close();
  await closed;
};

/** Resolves when the calls are over, and their answers written: requests and answers pass through a few turns. */
const answered = async (calls: ReadonlySet<Promise<unknown>>): Promise<void> => {
  do {
    await Promise.allSettled(calls);
    for (let turn = 0; turn < 5; turn++) await setImmediate();
  } while (calls.size > 0);
};

export { answerHttp } from "./http.ts";
