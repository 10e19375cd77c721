import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { acceptedFormat } from "./accept.ts";
import { contentTypes } from "./exposition.ts";
import type { Page } from "./page.ts";

/** Longer than the usual scrape intervals, so that a server's connection serves it again. */
const KEEP_ALIVE_MS = 75_000;

const LANDING = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>velos metrics</title></head>
<body><h1>velos metrics</h1><p><a href="/metrics">/metrics</a> for Prometheus, <a href="/healthz">/healthz</a></p></body></html>
`;

/** The exporter's server, not listening. */
export const createMetricsServer = (page: Page): Server => {
  const server = createServer((request, response) => {
    answer(request, response, page).catch((error: unknown) => {
      // A bug; the scrape fails, the exporter goes on.
      if (!response.headersSent) send(response, 500, "text/plain", `${(error as Error).message}\n`, false);
      else response.destroy();
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return server;
};

const answer = async (request: IncomingMessage, response: ServerResponse, page: Page): Promise<void> => {
  const isHead = request.method === "HEAD";
  if (request.method !== "GET" && !isHead) {
    response.setHeader("allow", "GET, HEAD");
    return send(response, 405, "text/plain", "GET only\n", false);
  }
  switch ((request.url ?? "/").split("?")[0]) {
    case "/metrics": {
      const format = acceptedFormat(request.headers.accept);
      return send(response, 200, contentTypes[format], await page.render(format), isHead);
    }
    case "/healthz":
      return send(response, 200, "text/plain", "ok\n", isHead);
    case "/":
      return send(response, 200, "text/html; charset=utf-8", LANDING, isHead);
    default:
      return send(response, 404, "text/plain", "there is /metrics and /healthz\n", isHead);
  }
};

const send = (response: ServerResponse, status: number, type: string, body: string | Buffer, isHead: boolean): void => {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(isHead ? undefined : body);
};
