import { VelosError } from "./errors.ts";

/** One address that is held open for an app: a TCP port, or a UNIX socket. */
export type ListenAddress = { host?: string; port: number } | { path: string; mode?: number };

const fail = (text: string, why: string): never => {
  throw new VelosError("SPEC_INVALID", {
    where: `listen ${JSON.stringify(text)}`,
    why,
    hint: "write 3000, 127.0.0.1:3000, [::1]:3000, or a path such as /run/api.sock or /run/api.sock,mode=0660",
  });
};

/**
 * Parses `3000`, `127.0.0.1:3000`, `localhost:3000`, `[::1]:3000`, `/run/api.sock` and `/run/api.sock,mode=0660`. A
 * port alone is every address of the machine, IPv6 and IPv4.
 * @throws VelosError SPEC_INVALID
 */
export const parseListen = (text: string): ListenAddress => {
  const written = text.trim();
  if (written.startsWith("/")) {
    const match = /^([^,]+)(?:,mode=([0-7]{3,4}))?$/.exec(written);
    if (!match) return fail(text, "after a path only ,mode=0660 may follow");
    const [, path = "", mode] = match;
    if (Buffer.byteLength(path) > 107)
      return fail(text, "the path is longer than the kernel allows for a socket (107 bytes)");
    return { path, ...(mode !== undefined && { mode: Number.parseInt(mode, 8) }) };
  }
  const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]+)):)?(\d{1,5})$/.exec(written);
  if (!match) return fail(text, "it is neither a port, nor host:port, nor an absolute path");
  const port = Number(match[3]);
  if (port < 1 || port > 65_535) return fail(text, "a port is a number from 1 to 65535");
  const named = match[1] ?? match[2];
  // systemd takes addresses, not names; this one needs no resolver.
  const host = named === "localhost" ? "127.0.0.1" : named;
  if (host === undefined || host === "*") return { port };
  if (match[2] !== undefined && !/^\d{1,3}(?:\.\d{1,3}){3}$/.test(host)) {
    return fail(text, `'${host}' is a name; an address of this machine is needed`);
  }
  if (match[2] !== undefined && host.split(".").some((part) => Number(part) > 255))
    return fail(text, `'${host}' is not an address`);
  return { host, port };
};

/** `127.0.0.1:3000`, `[::1]:3000`, `3000`, or the path: as systemd and people write it. */
export const formatListen = (address: ListenAddress): string => {
  if ("path" in address) return address.path;
  if (address.host === undefined) return String(address.port);
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
};

/**
 * True when two listeners cannot have these addresses at the same time. A port alone is every address of the machine,
 * and so is one that is `[::]`, of which systemd makes IPv4 too.
 */
export const overlap = (a: ListenAddress, b: ListenAddress): boolean => {
  if ("path" in a || "path" in b) return "path" in a && "path" in b && pathKey(a.path) === pathKey(b.path);
  if (a.port !== b.port) return false;
  const [one, other] = [hostKey(a.host), hostKey(b.host)];
  if (one === "::" || other === "::" || one === other) return true;
  return (one === "0.0.0.0" && !other.includes(":")) || (other === "0.0.0.0" && !one.includes(":"));
};

const pathKey = (path: string): string => path.replace(/\/(?:\.?\/)+/g, "/");

/** A host in the one spelling in which it is compared: an address of IPv6 has many. */
const hostKey = (host = "::"): string =>
  host.includes(":") && URL.canParse(`http://[${host}]`) ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host;

/** True when two apps listen at just the same. */
export const sameListen = (a: readonly ListenAddress[], b: readonly ListenAddress[]): boolean =>
  a.map(formatListen).join(" ") === b.map(formatListen).join(" ");

/** What became of an app whose addresses were changed, or is to: sockets cannot be exchanged under running instances. */
export const movedText = (listen: readonly string[]): string =>
  `moved ${listen.length === 0 ? "off its addresses" : `to ${listen.join(", ")}`} (down for a moment)`;
