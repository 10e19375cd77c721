import { createHash, timingSafeEqual } from "node:crypto";
import type { Access } from "../../api/operations.ts";
import type { ApiToken } from "../../config/api-tokens.ts";

/** Who asks, and what it may do. */
export interface Client {
  /** Of its token, or of what it was recognised by. */
  name: string;
  access: Access;
}

const ranks: Readonly<Record<Access, number>> = { read: 0, operate: 1, admin: 2 };

/** True when whoever has `granted` may do what needs `needed`: operators may look, admins may do everything. */
export const allows = (granted: Access, needed: Access): boolean => ranks[granted] >= ranks[needed];

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/**
 * The tokens that are accepted. Digests are compared, all of them at every time, so that neither the length of a token
 * nor how much of it was right shows in the time that an answer takes.
 */
export class Tokens {
  readonly #known: { digest: Buffer; client: Client }[];

  constructor(tokens: readonly ApiToken[]) {
    this.#known = tokens.map(({ name, access, token }) => ({ digest: digest(token), client: { name, access } }));
  }

  get isEmpty(): boolean {
    return this.#known.length === 0;
  }

  /** Whose token this is. */
  find(token: string): Client | undefined {
    const shown = digest(token);
    let found: Client | undefined;
    for (const known of this.#known) if (timingSafeEqual(known.digest, shown)) found ??= known.client;
    return found;
  }
}

/** The subprotocol of the WebSocket, and the prefix of the one that carries a token in base64url. */
export const SUBPROTOCOL = "velos.v1";
const TOKEN_PREFIX = "velos.bearer.";

/** The token that a request shows: in its Authorization, or, for browsers, among the subprotocols of its WebSocket. */
export const shownToken = (headers: {
  authorization?: string | undefined;
  "sec-websocket-protocol"?: string | undefined;
}): string | undefined => {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? "")?.[1];
  if (bearer !== undefined) return bearer;
  const protocols = (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  const carrier = protocols.find((name) => name.startsWith(TOKEN_PREFIX));
  return carrier === undefined ? undefined : Buffer.from(carrier.slice(TOKEN_PREFIX.length), "base64url").toString();
};
