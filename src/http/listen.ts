import { chmod, lstat, unlink } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { VelosError } from "../domain/errors.ts";

/** Where the server listens. */
export type Where = { host: string; port: number } | { socket: string };

/**
 * Listens, and says at which URL.
 * @throws VelosError PORT_IN_USE, USAGE
 */
export const listen = async (app: FastifyInstance, where: Where, isTls: boolean): Promise<string> => {
  try {
    if ("socket" in where) {
      await removeStale(where.socket);
      // Nobody else gets in between the making of the socket and its mode.
      const before = process.umask(0o177);
      try {
        await app.listen({ path: where.socket });
      } finally {
        process.umask(before);
      }
      await chmod(where.socket, 0o600);
      return `unix:${where.socket}`;
    }
    await app.listen({ host: where.host, port: where.port });
  } catch (error) {
    throw listenFailure(error as NodeJS.ErrnoException, where);
  }
  const { address, family, port } = app.server.address() as AddressInfo;
  return `http${isTls ? "s" : ""}://${family === "IPv6" ? `[${address}]` : address}:${port}`;
};

/** A socket that a server left behind is in the way; one that is listened at stays. */
const removeStale = async (path: string): Promise<void> => {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket())
    throw new VelosError("USAGE", { why: `--socket: ${path} is there, and no socket`, hint: "choose another path" });
  const isServed = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
  if (isServed) throw new VelosError("PORT_IN_USE", { address: path, by: "" });
  await unlink(path);
};

const listenFailure = (error: NodeJS.ErrnoException, where: Where): VelosError => {
  if (error instanceof VelosError) return error;
  const address =
    "socket" in where ? where.socket : `${where.host.includes(":") ? `[${where.host}]` : where.host}:${where.port}`;
  if (error.code === "EADDRINUSE") return new VelosError("PORT_IN_USE", { address, by: "" }, { cause: error });
  const name = "--host takes an address of this machine, such as 127.0.0.1 or 0.0.0.0";
  const hints: Record<string, string> = {
    EACCES: "ports below 1024 are root's, and a socket needs a directory that is yours; choose another",
    ENOENT: "make the directory of the socket first",
    ENOTFOUND: name,
    EADDRNOTAVAIL: name,
  };
  const hint = hints[error.code ?? ""] ?? "choose another with --host, --port or --socket";
  return new VelosError("USAGE", { why: `cannot listen on ${address}: ${error.message}`, hint }, { cause: error });
};
