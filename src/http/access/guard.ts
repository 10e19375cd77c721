import type { Socket } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Access } from "../../api/operations.ts";
import { VelosError } from "../../domain/errors.ts";
import type { RequestHead } from "./origin.ts";
import { isOwnHost, isOwnPage } from "./origin.ts";
import { peerUid } from "./peer.ts";
import type { Client, Tokens } from "./tokens.ts";
import { allows, shownToken } from "./tokens.ts";
import { WrongTokens } from "./wrong-tokens.ts";

/** What a route needs: `open` is for everybody who has the right to connect at all, with or without a token. */
export type Needed = Access | "open";

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks. Without a token, where one is needed for everything else: only of routes that are open. */
    client: Client;
  }
  interface FastifyContextConfig {
    access?: Needed;
  }
}

export interface GuardOptions {
  tokens: Tokens;
  /** Names by which the server may be called, in lower case. */
  hosts: ReadonlySet<string>;
  /** Origins whose pages may ask. */
  origins: ReadonlySet<string>;
  /** Users who need no token where there is none. */
  uids: ReadonlySet<number>;
  /** It listens on a UNIX socket, whose mode decides who connects. */
  isSocket: boolean;
}

const nobody: Client = { name: "", access: "read" };

/** Lets nobody pass who may not, before anything of a request's body is read. Routes say in `config.access` what they need. */
export const addGuard = (app: FastifyInstance, options: GuardOptions): void => {
  app.decorateRequest("client");
  const wrong = new WrongTokens();
  // With a callback: who is known already is let in without waiting for a promise.
  app.addHook("onRequest", (request, _, done) => {
    const needed = request.routeOptions.config.access ?? "open";
    const admit = (client: Client): void => {
      request.client = client;
      if (needed !== "open") checkScope(client, needed);
    };
    try {
      checkPage(request, options);
      const client = identify(request, options, needed === "open", wrong);
      if (client instanceof Promise) client.then(admit).then(() => done(), done);
      else {
        admit(client);
        done();
      }
    } catch (error) {
      done(error as Error);
    }
  });
};

const checkScope = ({ name, access }: Client, needed: Access): void => {
  if (allows(access, needed)) return;
  throw new VelosError("FORBIDDEN", {
    why: `this needs the scope '${needed}', and ${name} has '${access}'`,
    hint: "use a token with that scope; they are in velos.toml and in api_token_file",
  });
};

const checkPage = (request: FastifyRequest, { hosts, origins, isSocket }: GuardOptions): void => {
  const head = request.headers as RequestHead;
  if (!isSocket && !isOwnHost(head.host, hosts)) {
    throw new VelosError("FORBIDDEN", {
      why: `this server is not '${String(head.host ?? "").slice(0, 100)}'`,
      hint: "call it by its address or by localhost, or add the name to api_hosts in velos.toml",
    });
  }
  if (!isOwnPage(head, origins)) {
    throw new VelosError("FORBIDDEN", {
      why: `pages of ${(head.origin ?? "other sites").slice(0, 100)} may not ask`,
      hint: "add the origin to api_cors_origins in velos.toml",
    });
  }
};

const identify = (
  request: FastifyRequest,
  options: GuardOptions,
  isOpen: boolean,
  wrong: WrongTokens,
): Client | Promise<Client> => {
  const { tokens, isSocket } = options;
  if (isSocket) return { name: "socket", access: "admin" };
  if (tokens.isEmpty) return localClient(request, options);
  const token = shownToken(request.headers);
  const client = token === undefined ? undefined : tokens.find(token);
  if (token !== undefined) wrong.shown(request.ip, client?.name);
  if (client) return client;
  if (isOpen) return nobody;
  throw new VelosError("UNAUTHORIZED", {
    why: token === undefined ? "this needs a token" : "this token is not known",
    hint: "send `Authorization: Bearer <token>`; tokens are in velos.toml and in api_token_file",
  });
};

/** Users by their connection, which does not change hands. */
const peers = new WeakMap<Socket, { uid: number | undefined }>();

/** Headers of servers that pass on what others ask them. */
const forwarding = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

const local: Client = { name: "local", access: "admin" };

const localClient = (request: FastifyRequest, { uids }: GuardOptions): Client | Promise<Client> => {
  const { socket } = request.raw;
  const passedOn = forwarding.some((name) => request.headers[name] !== undefined);
  const decide = (uid: number | undefined): Client => {
    if (uid !== undefined && uids.has(uid) && !passedOn) return local;
    throw new VelosError("FORBIDDEN", {
      why: passedOn
        ? "requests that another server passes on need a token"
        : "without a token only programs of the same user on this machine may ask",
      hint: "set api_token in velos.toml and send it as `Authorization: Bearer <token>`",
    });
  };
  const known = peers.get(socket);
  if (known) return decide(known.uid);
  return peerUid(socket).then((uid) => {
    peers.set(socket, { uid });
    return decide(uid);
  });
};
