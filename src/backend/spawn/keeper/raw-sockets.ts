import { spawn } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import net from "node:net";
import { dirname } from "node:path";
import { getSystemErrorName } from "node:util";
import type { ListenAddress } from "../../../domain/listen.ts";
import type { Refusal } from "./protocol.ts";

/** As many as the kernel allows (net.core.somaxconn): what queues while an instance is replaced must not be refused. */
const BACKLOG = 4096;

/** A socket's mode unless one is asked for, as systemd has it. */
const SOCKET_MODE = 0o666;

/** A socket of libuv's that is not looked at by its loop: the kernel queues, and nobody here accepts. */
export interface RawSocket {
  readonly fd: number;
  close(done: () => void): void;
  getsockname?(out: object): number;
}

/**
 * Binds without listening. Node's cluster is built on this function; net.Server cannot be used, since it accepts
 * whatever comes from the moment it listens.
 */
const createHandle = (
  net as unknown as {
    _createServerHandle: (
      address: string,
      port: number,
      family: number,
      fd: undefined,
      flags: number,
    ) => RawSocket | number;
  }
)._createServerHandle;

/** Why an address could not be had. */
export class AddressRefused extends Error {
  readonly refusal: Refusal;

  constructor(code: string, address: number) {
    super(code);
    this.refusal = { message: code, code, address };
  }
}

/**
 * Opens listening sockets, all or none. They are not blocking, since all instances share that flag, and one that
 * blocked in accept(2) because another was faster would be deaf until the next connection.
 * @throws AddressRefused
 */
export const openRawSockets = async (listen: readonly ListenAddress[]): Promise<RawSocket[]> => {
  const sockets: RawSocket[] = [];
  try {
    for (const [at, address] of listen.entries()) {
      const socket = "path" in address ? await bindPath(address) : bindPort(address);
      if (typeof socket === "string") throw new AddressRefused(socket, at);
      sockets.push(socket);
    }
    await haveThemListen(sockets);
    return sockets;
  } catch (error) {
    await closeRawSockets(sockets);
    throw error;
  }
};

/** Resolves when they are closed; the files of those that have a path are removed by libuv. */
export const closeRawSockets = async (sockets: readonly RawSocket[]): Promise<void> => {
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(resolve))));
};

/** @returns the socket, or the code of what went wrong */
const bindPort = ({ host, port }: { host?: string; port: number }): RawSocket | string => {
  // A port alone is every address of the machine: one socket for IPv6 and IPv4, or IPv4 where there is no IPv6.
  if (host === undefined) {
    const both = bind("::", port, 6);
    return both === "EAFNOSUPPORT" || both === "EADDRNOTAVAIL" || both === "EINVAL" ? bind("0.0.0.0", port, 4) : both;
  }
  return bind(host, port, net.isIP(host));
};

const bind = (address: string, port: number, family: number): RawSocket | string => {
  const handle = createHandle(address, port, family, undefined, 0);
  if (typeof handle === "number") return getSystemErrorName(handle);
  // libuv keeps EADDRINUSE to itself until somebody asks for more.
  const error = handle.getsockname?.({}) ?? 0;
  if (error === 0) return handle;
  handle.close(() => undefined);
  return getSystemErrorName(error);
};

const bindPath = async ({ path, mode = SOCKET_MODE }: { path: string; mode?: number }): Promise<RawSocket | string> => {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) {
      if (await isServed(path)) return "EADDRINUSE";
      // Left behind by somebody who was killed.
      rmSync(path, { force: true });
    }
    const socket = bind(path, -1, -1);
    // Nobody can connect before it listens: there is no moment of another mode.
    if (typeof socket !== "string") chmodSync(path, mode);
    return socket;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "EINVAL";
  }
};

/** True when somebody listens at the path; also when that cannot be told. */
const isServed = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = net.connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
  });

/**
 * listen(2) by a process of its own, which ends in the same turn of its loop: libuv has no listening socket that it
 * does not accept from.
 */
const haveThemListen = async (sockets: readonly RawSocket[]): Promise<void> => {
  const descriptors = sockets.map(({ fd }) => fd);
  const helper = spawn(process.execPath, [process.argv[1] ?? "", "listen", String(sockets.length)], {
    stdio: ["ignore", "pipe", "inherit", ...descriptors],
  });
  let said = "";
  helper.stdout?.setEncoding("utf8").on("data", (text: string) => (said += text));
  const code = await new Promise<number | null>((resolve, reject) =>
    helper.once("close", resolve).once("error", reject),
  );
  if (code === 0) return;
  const [at = "0", why = "EIO"] = said.trim().split(" ");
  throw new AddressRefused(why, Number(at));
};

/** The other side of `haveThemListen`: descriptors 3 and up listen, and this process has ended. */
export const listenAndLeave = (count: number): void => {
  for (let at = 0; at < count; at++) {
    const server = net.createServer();
    // Comes before the loop looks at any socket.
    server.on("error", (error: NodeJS.ErrnoException) => {
      process.stdout.write(`${at} ${error.code}\n`, () => process.exit(1));
    });
    server.listen({ fd: 3 + at }, BACKLOG);
    if (!server.listening) return;
  }
  process.exit(0);
};
