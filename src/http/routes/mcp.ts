import type { FastifyInstance } from "fastify";
import type { CallName } from "../../api/operations.ts";
import { operations } from "../../api/operations.ts";
import { VelosError } from "../../domain/errors.ts";
import type { Services } from "../services.ts";

/** The Model Context Protocol at `/mcp`: the tools of `velos mcp`; those that change something for who may. */
export const addMcp = (app: FastifyInstance, services: Services): void => {
  const { velosd, resolve, cwd, version, readOnlyTools } = services;
  const daemon = {
    call: ((name: CallName, params: never) =>
      velosd.call(name, params, operations[name].access !== "read")) as typeof velosd.call,
  };
  app.route({
    // Streams and sessions, which the protocol leaves to the server and this one has not: clients take the 405 for that.
    method: ["GET", "DELETE"],
    url: "/mcp",
    config: { access: "read" },
    handler: async ({ method }) => {
      throw new VelosError("METHOD_NOT_ALLOWED", { path: "/mcp", method, allowed: "POST" });
    },
  });
  app.route({
    method: "POST",
    url: "/mcp",
    config: { access: "read" },
    handler: async (request, reply) => {
      // A bundle of its own, loaded with the first request.
      const { answerHttp } = await import("../../mcp/main.ts");
      reply.hijack();
      await answerHttp(
        {
          version,
          readOnly: readOnlyTools || request.client.access === "read",
          resolving: { context: resolve, cwd },
          withDaemon: (use) => use(daemon),
        },
        { request: request.raw, response: reply.raw, body: request.body },
      );
    },
  });
};
