import type { FastifyInstance } from "fastify";
import { ClientMessageSchema, PushMessageSchema } from "../../api/push-messages.ts";
import { openApi } from "../openapi.ts";
import type { Services } from "../services.ts";
import type { Route } from "./route.ts";

/** The schema of the WebSocket's messages: what the server sends, and what it takes. */
const pushSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Messages of the WebSocket of velos",
  $defs: { server: PushMessageSchema, client: ClientMessageSchema },
  anyOf: [{ $ref: "#/$defs/server" }, { $ref: "#/$defs/client" }],
};

/** What the API is, for programs: the same for everybody, and no secret. */
export const addDescription = (app: FastifyInstance, routes: readonly Route[], { version }: Services): void => {
  const documents = {
    "/openapi.json": Buffer.from(JSON.stringify(openApi(routes, version))),
    "/ws.schema.json": Buffer.from(JSON.stringify(pushSchema)),
  };
  for (const [url, document] of Object.entries(documents)) {
    app.route({
      method: "GET",
      url,
      config: { access: "open", rateLimit: false },
      handler: async (_, reply) => reply.type("application/json; charset=utf-8").send(document),
    });
  }
};
