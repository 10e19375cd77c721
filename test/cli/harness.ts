import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { createHandlers } from "../../src/api/handlers.ts";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { run } from "../../src/cli/run.ts";
import type { Screen, Terminal } from "../../src/cli/terminal.ts";
import { resolvePaths } from "../../src/config/paths.ts";
import { Controller } from "../../src/controller/controller.ts";
import { createIpcServer } from "../../src/daemon/ipc-server.ts";
import { listenOnSocket } from "../../src/daemon/listen.ts";
import { RequestCounters } from "../../src/daemon/request-counters.ts";

export interface Outcome {
  code: number;
  out: string;
  err: string;
}

export interface TerminalOptions {
  env?: Record<string, string>;
  columns?: number;
  rows?: number;
  isTTY?: boolean;
}

/** A terminal of which a test sees everything and presses the keys. */
export class FakeTerminal implements Terminal {
  readonly stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => (this.raw = on) });
  readonly stdout: Screen & PassThrough;
  readonly stderr: Screen & PassThrough;
  readonly env: Record<string, string>;
  readonly execPath = process.execPath;
  raw = false;
  out = "";
  err = "";
  #interrupts: ((exitCode: number) => void)[] = [];
  readonly #cwd: string;

  constructor(home: string, { env = {}, columns, rows, isTTY = false }: TerminalOptions = {}) {
    const screen = (): Screen & PassThrough =>
      Object.assign(new PassThrough(), { isTTY, ...(columns && { columns }), ...(rows && { rows }) });
    [this.stdout, this.stderr] = [screen(), screen()];
    this.stdout.on("data", (data: Buffer) => (this.out += data.toString()));
    this.stderr.on("data", (data: Buffer) => (this.err += data.toString()));
    this.#cwd = home;
    this.env = { VELOS_HOME: home, HOME: home, USER: "ann", PATH: process.env["PATH"] ?? "/usr/bin:/bin", ...env };
  }

  cwd = (): string => this.#cwd;
  getuid = (): number => 1000;

  onInterrupt = (listener: (exitCode: number) => void): (() => void) => {
    this.#interrupts.push(listener);
    return () => void this.#interrupts.splice(this.#interrupts.indexOf(listener), 1);
  };

  /** Ctrl-C. */
  interrupt(): void {
    this.#interrupts.at(-1)?.(130);
  }

  async run(...argv: string[]): Promise<Outcome> {
    const code = await run(argv, this);
    await new Promise((resolve) => setImmediate(resolve));
    return { code, out: this.out, err: this.err };
  }
}

/** velosd in this process, over a world without processes. */
export class TestVelosd {
  readonly home: string;
  readonly world = new MemoryWorld();
  readonly controller: Controller;
  #close: () => Promise<void> = async () => {};

  private constructor(home: string) {
    this.home = home;
    this.controller = new Controller({ backend: new MemoryBackend(this.world), stateDirectory: home });
  }

  static async start(): Promise<TestVelosd> {
    const daemon = new TestVelosd(await mkdtemp(join(tmpdir(), "velos-cli-")));
    await writeFile(join(daemon.home, "server.js"), "");
    await daemon.#serve();
    return daemon;
  }

  async #serve(): Promise<void> {
    await this.controller.open();
    const context = {
      version: "1.2.3",
      scope: "user",
      startedAt: Date.now(),
      shutdown: () => void this.#close(),
    } as const;
    const { calls, streams } = createHandlers(this.controller, context);
    const server = createIpcServer({
      calls: {
        ...calls,
        // Of a process that is gone, as velosd's is when it has ended.
        shutdown: async () => ({ ...(await calls.shutdown({})), pid: 2 ** 22 + 1 }),
      },
      streams,
      counters: new RequestCounters(),
      version: "1.2.3",
      report: (problem) => {
        throw new Error(problem);
      },
    });
    const sockets = new Set<import("node:net").Socket>();
    server.on("connection", (socket) => sockets.add(socket));
    await listenOnSocket(server, resolvePaths("user", { VELOS_HOME: this.home }), false);
    // Nobody gets in any more; the answers that are on their way still get out.
    this.#close = async () => {
      server.close();
      await new Promise((resolve) => setTimeout(resolve, 20));
      for (const socket of sockets) socket.destroy();
    };
  }

  terminal(options?: TerminalOptions): FakeTerminal {
    return new FakeTerminal(this.home, options);
  }

  /** `velos …`, without a terminal. */
  velos(...argv: string[]): Promise<Outcome> {
    return this.terminal().run(...argv);
  }

  async json<T>(...argv: string[]): Promise<T> {
    const { out } = await this.velos(...argv, "--json");
    return JSON.parse(out) as T;
  }

  async close(): Promise<void> {
    await this.#close();
    await this.controller.close();
    await rm(this.home, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  }
}

/** Waits until something holds, or fails after 5 s. */
export const until = async (holds: () => boolean, what: string): Promise<void> => {
  const deadline = Date.now() + 5000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not within 5 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
