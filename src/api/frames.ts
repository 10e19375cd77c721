import type { Duplex } from "node:stream";

/**
 * JSON-RPC 2.0, one message a line. A line can be read with `nc -U`, needs no length header, and costs a client no
 * library to load. Longer lines than this are refused: no message of velos comes near it.
 */
export const MAX_FRAME_BYTES = 8 * 1024 * 1024;

export interface RpcRequest {
  jsonrpc: "2.0";
  id: number | string;
  method: string;
  params?: unknown;
}

/** `item`: the next of a stream's answers; `cancel`: the caller wants no more of it. */
export interface RpcNotification {
  jsonrpc: "2.0";
  method: "item" | "cancel";
  params: { id: number | string; item?: unknown };
}

export interface RpcResponse {
  jsonrpc: "2.0";
  id: number | string | null;
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
}

export type RpcMessage = RpcRequest | RpcNotification | RpcResponse;

/** A result that is JSON already: made piece by piece where all at once would block, and once for all who ask. */
export class JsonText {
  readonly bytes: Buffer;

  constructor(text: string) {
    this.bytes = Buffer.from(text);
  }
}

/** Writes a message as a line; false when the socket wants a pause, as its `write` says it. */
export const sendFrame = (socket: Duplex, message: RpcMessage): boolean => {
  if (!("result" in message) || !(message.result instanceof JsonText)) {
    return socket.write(`${JSON.stringify(message)}\n`);
  }
  socket.cork();
  socket.write(`{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":`);
  socket.write(message.result.bytes);
  const goOn = socket.write("}\n");
  socket.uncork();
  return goOn;
};

/** Error codes of JSON-RPC 2.0; -32000 carries a VelosError in `data`. */
export const rpcCodes = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  velos: -32000,
} as const;

/**
 * Splits what comes from a socket into lines. `onTooLong` is called, and reading ends, when a line grows past the
 * limit; what has been read of it is dropped.
 */
export const readFrames = (socket: Duplex, onFrame: (text: string) => void, onTooLong: () => void): void => {
  let chunks: Buffer[] = [];
  let size = 0;
  let ended = false;
  socket.on("data", (chunk: Buffer) => {
    if (ended) return;
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0 && !ended; end = rest.indexOf(10)) {
      chunks.push(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      const text = chunks.length === 1 ? chunks[0]!.toString("utf8") : Buffer.concat(chunks).toString("utf8");
      chunks = [];
      size = 0;
      if (text !== "") onFrame(text);
    }
    if (rest.length === 0) return;
    chunks.push(rest);
    size += rest.length;
    if (size <= MAX_FRAME_BYTES) return;
    ended = true;
    chunks = [];
    onTooLong();
  });
};

/** Writes a message; resolves when the socket can take more. */
export const writeFrame = async (socket: Duplex, message: RpcMessage): Promise<void> => {
  if (socket.destroyed) return;
  if (sendFrame(socket, message)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
  });
};
