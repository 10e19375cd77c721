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
