import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { VelosError } from "../../domain/errors.ts";
import { check, readQuery } from "./read.ts";
import type { Answer, Route } from "./route.ts";

/** Adds routes to the server: what they take is checked before they are asked. */
export const addRoutes = (app: FastifyInstance, routes: readonly Route[]): void => {
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path.replaceAll(/\{(\w+)\}/g, ":$1"),
      config: { access: route.access, ...(route.fromMemory && { rateLimit: false }) },
      handler: async (request, reply) => {
        const answer = await route.handle({
          name: (request.params as { name?: string }).name ?? "",
          query: readQuery(route.query, request.query as Record<string, unknown>) as never,
          body: readBody(route, request.body) as never,
          client: request.client,
          accept: request.headers.accept,
          get gone() {
            return goneSignal(request, reply);
          },
        });
        return send(reply, answer);
      },
    });
  }
};

const readBody = (route: Route, body: unknown): unknown => {
  const isEmpty = body === undefined || body === null;
  if (route.body === undefined) {
    if (isEmpty || (typeof body === "object" && Object.keys(body).length === 0)) return undefined;
    throw wrong("no body is taken here");
  }
  if (isEmpty && route.bodyOptional) return undefined;
  if (isEmpty) throw wrong("a body is needed: JSON, with `Content-Type: application/json`");
  // The keys of velos.toml are checked by who knows them, with the same words as there.
  if (route.id !== "start") check(route.body, body, "the body");
  return body;
};

const wrong = (why: string): VelosError =>
  new VelosError("MESSAGE_INVALID", { why, pointer: "", hint: "/docs says what is taken" });

/** Aborts when the connection is lost, which it may be already, or the answer is complete. */
const goneSignal = ({ raw: { socket } }: FastifyRequest, reply: FastifyReply): AbortSignal => {
  const control = new AbortController();
  const abort = (): void => {
    // The connection may serve many more requests.
    socket.off("close", abort);
    control.abort();
  };
  if (socket.destroyed) {
    abort();
  } else {
    socket.once("close", abort);
    reply.raw.once("close", abort);
  }
  return control.signal;
};

const send = (reply: FastifyReply, { status, headers, body, bytes, type }: Answer): FastifyReply => {
  for (const [name, value] of Object.entries(headers ?? {})) if (value !== undefined) reply.header(name, value);
  reply.code(status ?? 200);
  // A client that follows is to know at once that it may, and not only when there is something to tell.
  if (bytes instanceof Readable) reply.raw.once("pipe", () => reply.raw.flushHeaders());
  if (bytes !== undefined) return reply.type(type ?? "application/json; charset=utf-8").send(bytes);
  return body === undefined ? reply.send() : reply.send(body);
};
