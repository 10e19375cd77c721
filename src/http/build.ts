import type { Socket } from "node:net";
import cors from "@fastify/cors";
import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyReply } from "fastify";
import fastify from "fastify";
import { VelosError } from "../domain/errors.ts";
import type { Page } from "../metrics/page.ts";
import type { GuardOptions } from "./access/guard.ts";
import { addGuard } from "./access/guard.ts";
import { problemOf, PROBLEM_TYPE, toVelosError } from "./problem.ts";
import type { Hub } from "./push/hub.ts";
import { commandRoutes } from "./routes/commands.ts";
import { addDescription } from "./routes/description.ts";
import { addPage } from "./routes/files.ts";
import { addMcp } from "./routes/mcp.ts";
import { healthRoutes } from "./routes/health.ts";
import { logRoutes } from "./routes/logs.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { processRoutes } from "./routes/processes.ts";
import { addPush } from "./routes/push.ts";
import { addRoutes } from "./routes/register.ts";
import { rolloutRoutes } from "./routes/rollout.ts";
import type { Route } from "./routes/route.ts";
import type { Services } from "./services.ts";

const MAX_BODY_BYTES = 1024 * 1024;
/** A request that does not come whole within this time is given up. */
const REQUEST_TIMEOUT_MS = 30_000;

export interface BuildOptions {
  services: Services;
  hub: Hub;
  /** The text for Prometheus. */
  page: Page;
  guard: GuardOptions;
  /** Requests a minute and client, but for those that are answered from memory; 0: any number. */
  requestsPerMinute: number;
  tls?: { cert: string; key: string };
  /** Directory of the built dashboard; absent: there is none. */
  dashboard?: string;
  /** Directory of the page to try the API; absent: there is none. */
  docs?: string;
  /** For what is a bug, with its stack. */
  report: (text: string) => void;
}

/** The routes of the REST API. */
export const apiRoutes = (services: Services, page: Page): Route[] => [
  ...processRoutes(services),
  ...commandRoutes(services),
  ...rolloutRoutes(services),
  ...logRoutes(services),
  ...metricsRoutes(services, page),
  ...healthRoutes(services),
];

/** The server of `velos api`, not listening. */
export const buildServer = async (options: BuildOptions): Promise<FastifyInstance> => {
  const { services, hub, page, guard, requestsPerMinute, tls, dashboard, docs, report } = options;
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    clientErrorHandler: refuseUnreadable,
    // Of the router itself, before there is a route whose errors could be answered.
    frameworkErrors: (_, request, reply) => {
      const why = "the path is not valid: it has a % that begins no character, or is too long";
      void sendProblem(new VelosError("MESSAGE_INVALID", { why, hint: "see /docs" }), request, reply);
    },
    forceCloseConnections: true,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 20_000 },
    ...(tls && { https: tls }),
  }) as unknown as FastifyInstance;
  const routes = apiRoutes(services, page);

  answerErrors(app, routes, report);
  readJson(app);
  addGuard(app, guard);
  // With a callback: a promise for each answer costs more than what is done here.
  app.addHook("onSend", (_, reply, payload, done) => {
    reply.header("x-content-type-options", "nosniff");
    if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
    done(null, payload);
  });
  if (guard.origins.size > 0) {
    await app.register(cors, {
      origin: [...guard.origins],
      methods: ["GET", "HEAD", "POST", "DELETE"],
      allowedHeaders: ["authorization", "content-type"],
      exposedHeaders: ["location", "x-next-cursor", "retry-after"],
      maxAge: 600,
    });
  }
  if (requestsPerMinute > 0) {
    await app.register(rateLimit, {
      max: requestsPerMinute,
      timeWindow: "1 minute",
      keyGenerator: (request) => (request.client?.name ? `client ${request.client.name}` : request.ip),
    });
  }
  addRoutes(app, routes);
  await addPush(app, services, hub);
  addMcp(app, services);
  addDescription(app, routes, services);
  if (docs !== undefined) addPage(app, docs, "/docs");
  if (dashboard !== undefined) addPage(app, dashboard, "/");
  return app;
};

/** Errors of velos, of the request and of the server in one form; what is a bug is reported. */
const answerErrors = (app: FastifyInstance, routes: readonly Route[], report: BuildOptions["report"]): void => {
  app.setErrorHandler(async (thrown, request, reply) => {
    const error = toVelosError(thrown);
    if (error.code === "INTERNAL") report((thrown as Error).stack ?? String(thrown));
    if (request.headers.upgrade !== undefined) closeAfter(request.raw.socket, reply);
    if (error.status === 401) reply.header("www-authenticate", 'Bearer realm="velos"');
    return sendProblem(error, request, reply);
  });
  const known = routes.map(({ method, path }) => ({
    method,
    pattern: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
  }));
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split("?")[0]!;
    const allowed = known.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    if (allowed.length === 0) throw new VelosError("ROUTE_NOT_FOUND", { path: path.slice(0, 200) });
    reply.header("allow", [...new Set(allowed.flatMap((one) => (one === "GET" ? ["GET", "HEAD"] : [one])))].join(", "));
    throw new VelosError("METHOD_NOT_ALLOWED", { path, method: request.method, allowed: allowed.join(", ") });
  });
};

const sendProblem = (error: VelosError, { url }: { url: string }, reply: FastifyReply): FastifyReply =>
  reply
    .code(error.status)
    .type(PROBLEM_TYPE)
    .send(Buffer.from(JSON.stringify({ ...problemOf(error), instance: url.split("?")[0]!.slice(0, 200) })));

/** What is no request of HTTP: the connection ends with the answer, since nobody knows where the next one begins. */
const refuseUnreadable = (error: Error & { code?: string }, socket: Socket): void => {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const why = error.code === "HPE_HEADER_OVERFLOW" ? "the headers are too large" : "this is not a request of HTTP";
  const body = JSON.stringify(problemOf(new VelosError("MESSAGE_INVALID", { why, hint: "see /docs" })));
  const head = [
    "HTTP/1.1 400 Bad Request",
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${[...head, "Connection: close"].join("\r\n")}\r\n\r\n${body}`);
};

/** A connection that was to become a WebSocket, and did not, is of no further use. */
const closeAfter = (socket: Socket, reply: FastifyReply): void => {
  reply.header("connection", "close");
  reply.raw.once("finish", () => socket.destroySoon());
};

/** An empty body is as good as none: many clients always send the header that announces JSON. */
const readJson = (app: FastifyInstance): void => {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body === "") done(null, undefined);
    else void parse(request, body as string, done);
  });
};
