import type { Socket } from "node:net";
import type { ListenAddress } from "../../../domain/listen.ts";
import { execute } from "../execute.ts";
import { readJsonLines, writeJsonLine } from "../json-lines.ts";
import type { Holdings, KeptRun, Refusal, Reply, Request } from "./protocol.ts";
import { PROTOCOL } from "./protocol.ts";
import type { RawSocket } from "./raw-sockets.ts";
import { AddressRefused, closeRawSockets, openRawSockets } from "./raw-sockets.ts";

interface Held {
  listen: ListenAddress[];
  sockets: RawSocket[];
}

/**
 * Holds the listening sockets of apps, and is the parent of the processes that share them: a descriptor can be given
 * away only by who has it, and velosd may die. It decides nothing. While no velosd is there it goes on holding, and
 * remembers how its processes ended.
 */
export class Keeper {
  readonly #held = new Map<string, Held>();
  readonly #runs = new Map<string, KeptRun>();
  readonly #quit: () => void;
  /** The velosd that is served. */
  #velosd: Socket | undefined;
  /** The last of the requests, which are carried out one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(quit: () => void) {
    this.#quit = quit;
  }

  /** A velosd, which has to `take` this keeper before it can ask for anything. */
  welcome(socket: Socket): void {
    socket.on("error", () => undefined);
    socket.once("close", () => {
      if (this.#velosd !== socket) return;
      this.#velosd = undefined;
      void this.#last.then(() => {
        if (this.#velosd === undefined && this.#isIdle()) this.#quit();
      });
    });
    readJsonLines(socket, (message) => {
      const request = message as Request;
      if (request.op === "take") {
        // What the last one asked for is done by now or never will be: its successor relies on what it is told here.
        if (this.#velosd !== socket) this.#velosd?.destroy();
        this.#velosd = socket;
      }
      if (this.#velosd !== socket || socket.destroyed) return;
      const answer = this.#last.then(() => this.#answer(request));
      this.#last = answer.catch(() => undefined);
      answer.then(
        (result) => this.#say(socket, { id: request.id, result }),
        (error: unknown) => this.#say(socket, { id: request.id, refusal: refusalOf(error) }),
      );
    });
  }

  #say(socket: Socket, reply: Reply): void {
    if (!socket.destroyed) writeJsonLine(socket, reply);
  }

  async #answer(request: Request): Promise<object> {
    switch (request.op) {
      case "take":
        return this.#holdings();
      case "listen":
        return this.#listen(request.app, request.listen);
      case "close":
        return this.#close(request.app);
      case "launch":
        return this.#launch(request);
      case "forget":
        for (const run of request.runs) if (this.#runs.get(run)?.end) this.#runs.delete(run);
        return {};
      case "quit": {
        const quits = this.#isIdle();
        if (quits) this.#quit();
        return { quits };
      }
      default:
        throw new Error(`this keeper knows no '${String((request as { op: unknown }).op)}'`);
    }
  }

  #isIdle(): boolean {
    return this.#held.size === 0 && ![...this.#runs.values()].some(({ end }) => end === undefined);
  }

  #holdings(): Holdings {
    const apps = [...this.#held].map(([app, { listen }]) => ({ app, listen }));
    return { version: PROTOCOL, pid: process.pid, apps, runs: [...this.#runs.values()] };
  }

  async #listen(app: string, listen: ListenAddress[]): Promise<object> {
    await this.#close(app);
    this.#held.set(app, { listen, sockets: await openRawSockets(listen) });
    return {};
  }

  async #close(app: string): Promise<object> {
    const held = this.#held.get(app);
    this.#held.delete(app);
    if (held) await closeRawSockets(held.sockets);
    return {};
  }

  async #launch({ app, run, order }: Request & { op: "launch" }): Promise<KeptRun> {
    const held = this.#held.get(app);
    if (!held) throw new Error(`it holds no sockets of ${app}`);
    const main = await execute(
      order,
      held.sockets.map(({ fd }) => fd),
    );
    const kept: KeptRun = { run, pid: main.pid, startTime: main.startTime };
    this.#runs.set(run, kept);
    void main.ended.then((end) => {
      kept.end = { ...end, at: Date.now() };
      if (this.#velosd) this.#say(this.#velosd, { ended: kept });
    });
    return kept;
  }
}

const refusalOf = (error: unknown): Refusal => {
  if (error instanceof AddressRefused) return error.refusal;
  const { message, code } = error as NodeJS.ErrnoException;
  return { message, ...(code !== undefined && { code }) };
};
