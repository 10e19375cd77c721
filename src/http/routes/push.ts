import websocket from "@fastify/websocket";
import type { FastifyInstance } from "fastify";
import { SUBPROTOCOL } from "../access/tokens.ts";
import type { Hub } from "../push/hub.ts";
import type { Position } from "../push/serve.ts";
import { Service } from "../push/serve.ts";
import { Subscriber } from "../push/subscriber.ts";
import type { Services } from "../services.ts";

/** A message of a client is a few topics; a long cursor is the most of it. */
const MAX_MESSAGE_BYTES = 32 * 1024;

/** The WebSocket at `/ws`. */
export const addPush = async (app: FastifyInstance, services: Services, hub: Hub): Promise<void> => {
  await app.register(websocket, {
    options: {
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      handleProtocols: (offered: Set<string>) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    },
    // Clients are told why, by the hub.
    preClose: async () => {},
  });
  app.route({
    method: "GET",
    url: "/ws",
    config: { access: "read", rateLimit: false },
    handler: async (_, reply) =>
      reply.code(426).header("upgrade", "websocket").type("text/plain").send("this is a WebSocket\n"),
    wsHandler: (socket, request) => {
      const subscriber = new Subscriber(socket, request.raw.socket, request.client);
      const service = new Service(services, hub, subscriber);
      socket.on("message", (data, isBinary) => service.take(data, isBinary));
      socket.on("pong", () => (subscriber.isAlive = true));
      // A frame that is not of the protocol ends its own connection, with the code that the protocol has for it.
      socket.on("error", () => {});
      service.begin(positionOf(request.query as Record<string, unknown>));
    },
  });
};

const positionOf = ({ session, seq }: Record<string, unknown>): Position | undefined =>
  typeof session === "string" && typeof seq === "string" && /^\d{1,15}$/.test(seq)
    ? { session, seq: Number(seq) }
    : undefined;
