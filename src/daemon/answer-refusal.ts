import { createServer } from "node:net";
import type { RpcRequest } from "../api/frames.ts";
import { readFrames, rpcCodes, writeFrame } from "../api/frames.ts";
import type { Paths } from "../config/paths.ts";
import { VelosError } from "../domain/errors.ts";
import { listenOnSocket } from "./listen.ts";

/** How long it stays for whoever made it start, and after the last one was answered. */
const WAIT_MS = 1000;
const LINGER_MS = 20;

/**
 * For a velosd that was started by a connection and cannot serve: tells everyone who connects why. Without it they would
 * see a connection that breaks, and the service manager would start velosd again for as long as one of them waits.
 */
export const answerRefusal = async (error: VelosError, paths: Paths): Promise<void> => {
  const told = new VelosError("DAEMON_UNREACHABLE", { why: error.message, hint: error.hint });
  await new Promise<void>((resolve) => {
    let open = 0;
    let leave = setTimeout(resolve, WAIT_MS);
    const server = createServer((socket) => {
      open++;
      clearTimeout(leave);
      socket.on("error", () => {});
      socket.on("close", () => {
        if (--open === 0) leave = setTimeout(resolve, LINGER_MS);
      });
      readFrames(
        socket,
        (text) => {
          const refusal = { code: rpcCodes.velos, message: told.message, data: told.toData() };
          void writeFrame(socket, { jsonrpc: "2.0", id: idOf(text), error: refusal }).then(() => socket.end());
        },
        () => socket.destroy(),
      );
      socket.setTimeout(WAIT_MS, () => socket.destroy());
    });
    listenOnSocket(server, paths, true).catch(() => resolve());
  });
};

const idOf = (text: string): RpcRequest["id"] | null => {
  try {
    return (JSON.parse(text) as Partial<RpcRequest>).id ?? null;
  } catch {
    return null;
  }
};
