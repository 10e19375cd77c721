import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { join } from "node:path";
import { failed, prevented } from "./failed.ts";
import { readJsonLines, writeJsonLine } from "./json-lines.ts";
import { keeperDirectory, withControlPath } from "./keeper/control-path.ts";
import type { Holdings, KeptRun, Refusal, Reply, RequestName, Requests } from "./keeper/protocol.ts";

/** A keeper that takes longer than this to say what it holds is stopped, or not one. */
const TAKE_MS = 5000;

/** It has next to nothing on its heap. Seen on Node 20: 41 MB resident, of which 7 MB are its own. */
const FLAGS = ["--max-old-space-size=16", "--max-semi-space-size=1", "--v8-pool-size=1"];

/** The connection was lost before the answer came: nobody knows whether the request was carried out. */
export class LinkLost extends Error {}

/** A request that was not carried out. */
export class Refused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

export interface LinkEvents {
  /** A process of the keeper's has ended. */
  ended: (run: KeptRun) => void;
  /** The keeper is gone. */
  lost: () => void;
}

/** velosd's connection to its keeper. */
export class KeeperLink {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #serial = 0;
  /** It answered: from here on it is missed when it goes. */
  #taken = false;
  #closing = false;

  private constructor(socket: Socket, events: LinkEvents) {
    this.#socket = socket;
    readJsonLines(socket, (message) => this.#hear(message as Reply, events));
    socket.on("error", () => undefined);
    socket.once("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new LinkLost("its keeper was ended"));
      this.#waiting.clear();
      if (this.#taken && !this.#closing) events.lost();
    });
  }

  /**
   * Takes over the keeper of an earlier velosd.
   * @returns undefined when there is none
   * @throws VelosError BACKEND_FAILED when there is one that cannot be talked to
   */
  static async find(
    stateDir: string,
    events: LinkEvents,
  ): Promise<{ link: KeeperLink; holdings: Holdings } | undefined> {
    const socket = await connected(keeperDirectory(stateDir));
    if (socket === undefined) return undefined;
    const link = new KeeperLink(socket, events);
    const timer = setTimeout(() => link.close(), TAKE_MS);
    try {
      const holdings = await link.ask("take", {});
      link.#taken = true;
      return { link, holdings };
    } catch (error) {
      // One that holds nothing leaves with its velosd, and may just have been about to: then there is none.
      if (error instanceof LinkLost && !link.#closing) return await KeeperLink.find(stateDir, events);
      const hint = `see what listens at ${join(keeperDirectory(stateDir), "s")}, and end it`;
      throw failed("the keeper of the listening sockets does not answer", hint, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Starts a keeper, where there is none.
   * @param program dist/keeper.cjs
   */
  static async start(
    stateDir: string,
    program: string,
    events: LinkEvents,
  ): Promise<{ link: KeeperLink; holdings: Holdings }> {
    await startKeeper(keeperDirectory(stateDir), program);
    const found = await KeeperLink.find(stateDir, events);
    if (found === undefined) throw prevented("the keeper of the listening sockets did not stay");
    return found;
  }

  ask<Name extends RequestName>(op: Name, request: Requests[Name][0]): Promise<Requests[Name][1]> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new LinkLost("its keeper was ended"));
      const id = ++this.#serial;
      this.#waiting.set(id, { resolve: (result) => resolve(result as Requests[Name][1]), reject });
      writeJsonLine(this.#socket, { id, op, ...request });
    });
  }

  /** Leaves the keeper to the next velosd. */
  close(): void {
    this.#closing = true;
    this.#socket.destroy();
  }

  #hear(reply: Reply, events: LinkEvents): void {
    if ("ended" in reply) return events.ended(reply.ended);
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("refusal" in reply) waiting?.reject(new Refused(reply.refusal));
    else waiting?.resolve(reply.result);
  }
}

/** @returns undefined when nobody listens */
const connected = (directory: string): Promise<Socket | undefined> =>
  new Promise((resolve, reject) => {
    const open = (): Socket => withControlPath(directory, (path) => connect(path));
    let socket: Socket;
    try {
      socket = open();
    } catch (error) {
      return isAbsence(error) ? resolve(undefined) : reject(error);
    }
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", (error) => (isAbsence(error) ? resolve(undefined) : reject(error)));
  });

const isAbsence = (error: unknown): boolean =>
  ["ENOENT", "ECONNREFUSED"].includes((error as NodeJS.ErrnoException).code ?? "");

/** Resolves when it can be connected to. */
const startKeeper = async (directory: string, program: string): Promise<void> => {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const logPath = join(directory, "log");
  const log = openSync(logPath, "a", 0o600);
  const child = spawn(process.execPath, [...FLAGS, program, "keep", directory, String(process.pid)], {
    detached: true,
    cwd: "/",
    env: { MALLOC_ARENA_MAX: "1" },
    stdio: ["ignore", log, log, "pipe"],
  });
  closeSync(log);
  child.unref();
  const ready = child.stdio[3] as Socket;
  let said = "";
  ready.setEncoding("utf8").on("data", (text: string) => (said += text));
  await new Promise<void>((resolve, reject) => {
    ready.once("close", resolve);
    child.once("error", reject);
  }).catch((error: Error) => (said = error.message));
  if (said.trim() !== "ready")
    throw prevented(`the keeper of the listening sockets does not start: ${said.trim()}`, `see ${logPath}`);
};
