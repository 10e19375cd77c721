import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import type { TSchema } from "typebox";
import type { RpcMessage, RpcRequest, RpcResponse } from "../api/frames.ts";
import { MAX_FRAME_BYTES, readFrames, rpcCodes, sendFrame, writeFrame } from "../api/frames.ts";
import type { CallHandlers, StreamHandlers } from "../api/handlers.ts";
import { misfitOf } from "../api/misfit-of.ts";
import type { OperationName } from "../api/operations.ts";
import { operations } from "../api/operations.ts";
import { VelosError } from "../domain/errors.ts";
import type { RequestCounters } from "./request-counters.ts";

export interface IpcServerOptions {
  calls: CallHandlers;
  streams: StreamHandlers;
  counters: RequestCounters;
  version: string;
  /** For what is a bug, with its stack. */
  report: (problem: string) => void;
}

/** Requests that one client may have under way; further ones are refused. */
const MAX_UNDER_WAY = 256;
/** How long a client that was refused may take to read why. */
const PARTING_MS = 1000;
/** Answers that may wait for a client to read them. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** velosd's socket server, not listening. Whatever a client sends, only that client is answered or dropped. */
export const createIpcServer = (options: IpcServerOptions): Server =>
  createServer((socket) => {
    const running = new Map<number | string, AbortController>();
    // Every stream may wait for it to drain.
    socket.setMaxListeners(0);
    socket.on("error", () => {});
    socket.on("close", () => {
      for (const controller of running.values()) controller.abort();
    });
    // A client that asks and does not read what it is told is not listened to until it does.
    socket.on("drain", () => socket.resume());
    const answer = (response: Omit<RpcResponse, "jsonrpc">): void => {
      if (socket.destroyed) return;
      sendFrame(socket, { jsonrpc: "2.0", ...response });
      if (socket.writableLength > MAX_UNREAD_BYTES) socket.pause();
    };
    let dropped = false;
    const refuse = (id: RpcResponse["id"], code: number, error: VelosError): void =>
      answer({ id, error: { code, message: error.message, data: error.toData() } });

    readFrames(
      socket,
      (text) => {
        if (dropped) return;
        const request = parse(text);
        if (request instanceof VelosError) {
          dropped = true;
          refuse(null, rpcCodes.parse, request);
          socket.end();
        } else if ("cancel" in request) {
          running.get(request.cancel)?.abort();
        } else if (running.has(request.id) || running.size >= MAX_UNDER_WAY) {
          refuse(request.id, rpcCodes.invalidRequest, tooMuch(running.has(request.id)));
        } else {
          const controller = new AbortController();
          running.set(request.id, controller);
          void serve(request, socket, controller.signal, options)
            .then(answer)
            .finally(() => running.delete(request.id));
        }
      },
      () => {
        refuse(null, rpcCodes.invalidRequest, invalid(`a message may have ${MAX_FRAME_BYTES} bytes`, "send less"));
        // What it goes on sending is thrown away: closed at once, it would see a broken pipe and not the answer.
        socket.end();
        const patience = setTimeout(() => socket.destroy(), PARTING_MS).unref();
        socket.once("close", () => clearTimeout(patience));
      },
    );
  });

const invalid = (why: string, hint: string): VelosError => new VelosError("MESSAGE_INVALID", { why, hint });

const tooMuch = (duplicate: boolean): VelosError =>
  duplicate
    ? invalid("a request with this id is under way", "use another id")
    : invalid(`${MAX_UNDER_WAY} requests are under way on this connection`, "wait for answers");

const parse = (text: string): RpcRequest | { cancel: number | string } | VelosError => {
  let message: Partial<RpcMessage> & { id?: unknown; method?: unknown; params?: unknown };
  try {
    message = JSON.parse(text) as typeof message;
  } catch {
    return invalid("this is not JSON", "velosd speaks JSON-RPC 2.0, one message a line");
  }
  if (message === null || typeof message !== "object" || Array.isArray(message) || typeof message.method !== "string") {
    return invalid("this is not a request of JSON-RPC 2.0", "velosd takes single requests with a method and an id");
  }
  if (message.method === "cancel") {
    const id = (message.params as { id?: unknown } | undefined)?.id;
    return isId(id) ? { cancel: id } : invalid("cancel needs the id of a request", 'send {"id": …} as params');
  }
  if (!isId(message.id))
    return invalid("a request needs an id: a number or a string", "velosd takes no notifications but cancel");
  return { jsonrpc: "2.0", id: message.id, method: message.method, params: message.params };
};

const isId = (id: unknown): id is number | string =>
  typeof id === "number" || (typeof id === "string" && id.length <= 100);

const serve = async (
  request: RpcRequest,
  socket: Socket,
  signal: AbortSignal,
  options: IpcServerOptions,
): Promise<Omit<RpcResponse, "jsonrpc">> => {
  const began = process.hrtime.bigint();
  const known = Object.hasOwn(operations, request.method);
  try {
    if (!known)
      throw new VelosError("METHOD_NOT_FOUND", { method: request.method.slice(0, 100), version: options.version });
    const name = request.method as OperationName;
    const params = request.params ?? {};
    checkParams(name, operations[name].params, params);
    const result =
      name in options.streams
        ? await stream(request, name, params, socket, signal, options)
        : await call(name, params, options);
    options.counters.count(name, "OK", name in options.streams ? undefined : began);
    return { id: request.id, result };
  } catch (error) {
    const failure = error instanceof VelosError ? error : new VelosError("INTERNAL", { why: (error as Error).message });
    if (!(error instanceof VelosError)) options.report((error as Error).stack ?? String(error));
    options.counters.count(
      known ? request.method : "unknown",
      failure.code,
      request.method in options.streams ? undefined : began,
    );
    const code = failure.code === "METHOD_NOT_FOUND" ? rpcCodes.methodNotFound : rpcCodes.velos;
    return { id: request.id, error: { code, message: failure.message, data: failure.toData() } };
  }
};

const call = async (name: OperationName, params: unknown, options: IpcServerOptions): Promise<unknown> =>
  (options.calls as Record<string, (params: unknown) => Promise<unknown>>)[name]!(params);

const stream = async (
  request: RpcRequest,
  name: OperationName,
  params: unknown,
  socket: Socket,
  signal: AbortSignal,
  options: IpcServerOptions,
): Promise<{ items: number }> => {
  const handlers = options.streams as Record<string, (params: unknown, signal: AbortSignal) => AsyncIterable<unknown>>;
  let items = 0;
  for await (const item of handlers[name]!(params, signal)) {
    if (signal.aborted) break;
    items++;
    // Awaiting the socket holds the source back: a reader that pauses costs no memory.
    await writeFrame(socket, { jsonrpc: "2.0", method: "item", params: { id: request.id, item } });
  }
  return { items };
};

const checkParams = (name: string, schema: TSchema, params: unknown): void => {
  const misfit = misfitOf(schema, params);
  if (!misfit) return;
  throw new VelosError("MESSAGE_INVALID", {
    why: `${name}: ${misfit.pointer || "/"} ${misfit.why}`,
    hint: "is this velos of another version than velosd?",
  });
};
