import { isIP } from "node:net";

/** What is compared of a request that a browser may have sent on behalf of a page. */
export interface RequestHead {
  host?: string | undefined;
  origin?: string | undefined;
  "sec-fetch-site"?: string | undefined;
  "sec-fetch-mode"?: string | undefined;
}

/** The name in a `Host` header, without port and brackets; undefined for what is none. */
export const hostName = (host: string | undefined): string | undefined => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_.-]+))(?::\d{1,5})?$/.exec(host ?? "");
  return (match?.[1] ?? match?.[2])?.toLowerCase().replace(/\.$/, "");
};

/**
 * True when the name by which the server was called is one of its own: an address, `localhost`, or one that is listed.
 * A page whose own name was made to point here (DNS rebinding) calls by that name.
 */
export const isOwnHost = (host: string | undefined, names: ReadonlySet<string>): boolean => {
  const name = hostName(host);
  return name !== undefined && (isIP(name) !== 0 || name === "localhost" || names.has(name));
};

/** True unless a page of another origin is behind the request, and that origin is not listed. */
export const isOwnPage = (head: RequestHead, origins: ReadonlySet<string>): boolean => {
  if (head.origin !== undefined) return origins.has(head.origin) || isSameOrigin(head.origin, head.host);
  // A browser says this of what it sends without an origin: pictures, scripts, links. Following a link is no harm.
  const site = head["sec-fetch-site"];
  return (site !== "cross-site" && site !== "same-site") || head["sec-fetch-mode"] === "navigate";
};

/** The scheme is not compared: behind a server that ends TLS it is another. */
const isSameOrigin = (origin: string, host: string | undefined): boolean => {
  if (!URL.canParse(origin) || host === undefined) return false;
  const { host: own, protocol } = new URL(origin);
  if (protocol !== "http:" && protocol !== "https:") return false;
  const plain = (text: string): string => text.toLowerCase().replace(/:(?:80|443)$/, "");
  return plain(own) === plain(host);
};
