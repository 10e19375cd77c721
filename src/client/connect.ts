import { setTimeout as delay } from "node:timers/promises";
import type { Paths } from "../config/paths.ts";
import { VelosError } from "../domain/errors.ts";
import { Connection } from "./connection.ts";

export interface ConnectOptions {
  paths: Paths;
  /** Backend asked for, should velosd have to be started. */
  backend: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
  /** Start velosd when it is not there (default), or say that it is not. */
  start?: boolean;
  /** Told once, when velosd has to be started with a backend that nobody asked for. */
  note?: (text: string) => void;
}

/** How long velosd may take to serve after it was started. */
const START_TIMEOUT_MS = 15_000;
/** After how long without a word it is asked whether velosd comes up at all. */
const SILENCE_MS = 5000;

/**
 * Connects to velosd of a scope, here or on another server, and starts it first where it does not run.
 * @throws VelosError DAEMON_UNREACHABLE, PERMISSION_DENIED
 */
export const connectDaemon = async (options: ConnectOptions): Promise<Connection> => {
  const { socket, remote } = options.paths;
  if (remote !== undefined) {
    const { connectRemote } = await import("./connect-remote.ts");
    return connectRemote(remote, { ...options, start: options.start !== false });
  }
  const first = await attempt(options.paths);
  if (first instanceof Connection) return first;
  if (options.start === false)
    throw new VelosError("DAEMON_UNREACHABLE", { why: "it does not run", hint: "any command but this one starts it" });

  const { startDaemon } = await import("./start-daemon.ts");
  const started = await startDaemon(options);
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (let waitMs = 5; ; waitMs = Math.min(waitMs * 1.5, 100)) {
    const next = await attempt(options.paths);
    if (next instanceof Connection) return next;
    const failure = started.failure();
    if (failure !== undefined || Date.now() > deadline) {
      throw new VelosError("DAEMON_UNREACHABLE", {
        why: failure ?? `it was started and did not serve ${socket} within ${START_TIMEOUT_MS / 1000} s`,
        hint: started.hint,
      });
    }
    await delay(waitMs);
  }
};

/** A connection, or undefined when nobody listens. */
const attempt = async ({ socket, scope }: Paths): Promise<Connection | undefined> => {
  try {
    const connection = await Connection.open(socket);
    connection.watchSilence(SILENCE_MS, async () => (await import("./why-silent.ts")).whySilent(scope));
    return connection;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ECONNRESET") return undefined;
    if (code === "EACCES" || code === "EPERM") {
      throw new VelosError("PERMISSION_DENIED", {
        path: socket,
        hint: "use sudo, or be in the group velos; `velos --user` manages your own apps",
      });
    }
    throw new VelosError("DAEMON_UNREACHABLE", {
      why: (error as Error).message,
      hint: `is ${socket} a socket of velosd?`,
    });
  }
};
