import { readFileSync } from "node:fs";
import type { Server } from "node:net";
import { formatDuration } from "../config/duration.ts";
import type { Controller } from "../controller/controller.ts";
import { IdleExit } from "./idle-exit.ts";

/** How long nothing may be asked of velosd, unless `idle_exit` says otherwise. */
export const STANDARD_IDLE_MS = 60_000;

export interface LeaveOptions {
  /** See `readIdleExit`. */
  afterMs: number;
  controller: Controller;
  server: Server;
  /** True while a client is connected. */
  isUsed: () => boolean;
  /** Ends velosd. */
  stop: () => Promise<void>;
  log: (line: string) => void;
}

/**
 * Has velosd leave when nothing needs it; undefined where it never can. Nothing is lost between this velosd and the
 * next: what ends before the goodbye is told to this one, what ends after it wakes the next, and whoever connects
 * meanwhile waits in the socket, which is the service manager's.
 */
export const leaveWhenIdle = (options: LeaveOptions): IdleExit | undefined => {
  const { afterMs, controller, server, isUsed, stop, log } = options;
  const { backend } = controller;
  if (!backend.watchEnds) return undefined;
  const isNeeded = (): boolean => isUsed() || controller.need() !== undefined;
  const leave = async (): Promise<boolean> => {
    const runs = controller.runs();
    if (!(await backend.watchEnds!())) return false;
    if (isNeeded() || controller.runs() !== runs) return false;
    log(
      `nothing was asked for ${formatDuration(idle.afterMs)}: velosd leaves; its socket, and instances that end, wake it`,
    );
    // From here on it leaves, whatever happens: who connects is the next one's.
    server.close();
    try {
      await backend.sayGoodbye!();
      if (controller.runs() !== runs) await backend.startAgain!();
    } catch (error) {
      log((error as Error).message);
    }
    await stop();
    return true;
  };
  const idle = new IdleExit({
    afterMs,
    isNeeded,
    leave: async () =>
      leave().catch((error: unknown) => {
        log(`velosd stays: ${(error as Error).message}`);
        return false;
      }),
  });
  controller.events.subscribe(() => idle.used());
  server.on("connection", (socket) => socket.on("close", () => idle.used()));
  return idle;
};

/**
 * After how long without anything asked velosd leaves, by the scope's config file; 0: never. A mistake in it is told, and
 * does not keep velosd from serving.
 */
export const readIdleExit = async (config: string): Promise<{ afterMs: number; problem?: string }> => {
  try {
    // What reads settings is loaded only where there is one.
    if (!readFileSync(config, "utf8").includes("idle_exit")) return { afterMs: STANDARD_IDLE_MS };
    const { loadScopeConfig } = await import("../config/load-scope.ts");
    return { afterMs: (await loadScopeConfig(config)).idleExitMs ?? STANDARD_IDLE_MS };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { afterMs: STANDARD_IDLE_MS };
    return {
      afterMs: STANDARD_IDLE_MS,
      problem: `idle_exit is ${formatDuration(STANDARD_IDLE_MS)}: ${(error as Error).message}`,
    };
  }
};
