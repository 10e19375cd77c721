import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Backend } from "../backend/backend.ts";
import { busAddress, selectBackend } from "../backend/select.ts";
import type { JsonText } from "../api/frames.ts";
import { createHandlers } from "../api/handlers.ts";
import type { Paths } from "../config/paths.ts";
import { Controller } from "../controller/controller.ts";
import { EventLoopLag } from "./event-loop-lag.ts";
import type { IdleExit } from "./idle-exit.ts";
import { createIpcServer } from "./ipc-server.ts";
import { leaveWhenIdle, readIdleExit, STANDARD_IDLE_MS } from "./leave-when-idle.ts";
import { keepPreload } from "./keep-preload.ts";
import { isActivated, listenOnSocket, takeLock } from "./listen.ts";
import { placeOf } from "./machine.ts";
import { newcomersAnswered } from "./newcomers.ts";
import { notifyReady, notifyStopping } from "./notify.ts";
import { closeTelemetry, openTelemetry } from "./open-telemetry.ts";
import { reloadConfig } from "./reload-config.ts";
import { RequestCounters } from "./request-counters.ts";

export interface DaemonOptions {
  paths: Paths;
  /** As asked for; absent: what fits here. */
  backend: string | undefined;
  version: string;
  env: Readonly<Record<string, string | undefined>>;
  /** One line of velosd's own log. */
  log: (line: string) => void;
  /** What `velos kill` does instead of ending velosd alone. */
  onShutdown?: () => void;
}

/** A velosd that serves; `stop` ends it, and the instances stay. */
export interface RunningDaemon {
  stop: () => Promise<void>;
  /** Reads the scope's config file again; see reload-config.ts. */
  reload: () => Promise<void>;
  /** Resolves when it has stopped, whoever asked for it. */
  stopped: Promise<void>;
}

/** How long the service manager is told a little late that velosd serves. */
const ANSWER_FIRST_MS = 15;

/** Starts velosd: lock, store, backend, socket, READY. Resolves when it serves. */
export const runDaemon = async (options: DaemonOptions): Promise<RunningDaemon> => {
  const { paths, env, log, version } = options;
  const locking = takeLock(paths);
  // It is waited for before anything is done; that it fails first is no reason to end without a word.
  locking.catch(() => {});
  const chosen = selectBackend(options.backend, paths, env);
  const backend = await createBackend(chosen.name, paths, env, log);
  const place = placeOf(paths);
  const isSystemd = chosen.name === "systemd";
  const snapshot = async (): Promise<string> => metricsText();
  const { telemetry, settings, problem } = await openTelemetry({
    paths,
    env,
    version,
    place,
    isSystemd,
    snapshot,
    report: log,
  });
  const controller = new Controller({
    backend,
    stateDirectory: paths.state,
    runtimeDirectory: paths.runtime,
    report: log,
    place,
    observer: telemetry?.observer,
  });
  telemetry?.follow(controller.events);
  if (problem !== undefined) controller.problems.push(problem);
  const lock = await locking;
  await controller.open();
  if (chosen.reason !== undefined) log(chosen.reason);
  for (const problem of controller.problems) log(problem);

  let finish!: () => void;
  const stopped = new Promise<void>((resolve) => (finish = resolve));
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopping ??= (async () => {
      idle?.close();
      server.close();
      await newcomersAnswered(sockets);
      const sent = closeTelemetry(telemetry);
      await controller.close();
      await sent;
      for (const socket of sockets) socket.destroySoon();
      lock.close();
      finish();
    })();
    return stopping;
  };
  let idle: IdleExit | undefined;
  const requests = new RequestCounters();
  const lag = new EventLoopLag();
  const handlers = createHandlers(controller, {
    version,
    scope: paths.scope,
    startedAt: Date.now(),
    figures: () => {
      const eventLoopLag = lag.sample();
      return {
        requests: [...requests.all()],
        latencies: [...requests.latencies()],
        ...(eventLoopLag && { eventLoopLag }),
      };
    },
    ...(telemetry && { facilities: () => [telemetry.facility()] }),
    // After the answer has gone out.
    shutdown: () => setTimeout(() => (options.onShutdown ?? stop)(), 20),
  });
  const server = createIpcServer({
    ...handlers,
    counters: requests,
    version,
    report: log,
  });
  const metricsText = async (): Promise<string> => ((await handlers.calls.metrics({})) as JsonText).bytes.toString();
  const sockets = new Set<import("node:net").Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const isWoken = isActivated(env, process.pid);
  const { afterMs, problem: mistake } = await readIdleExit(paths.config);
  if (mistake !== undefined) {
    controller.problems.push(mistake);
    log(mistake);
  }
  await listenOnSocket(server, paths, isWoken);
  // Starting a process takes some milliseconds, and who has woken velosd waits for its answer.
  await delay(ANSWER_FIRST_MS);
  await notifyReady(env);
  // Without a socket of the service manager nobody would start it again.
  if (isWoken && !telemetry) {
    const isUsed = (): boolean => sockets.size > 0;
    idle = leaveWhenIdle({ afterMs, controller, server, isUsed, stop, log });
  }
  const idleExit = (ms = STANDARD_IDLE_MS): number | undefined => {
    idle?.change(ms);
    return idle?.afterMs;
  };
  // One at a time: the last one has the last word.
  let reloading = Promise.resolve();
  const reload = async (): Promise<void> => {
    reloading = reloading
      .then(async () => reloadConfig({ config: paths.config, env, telemetry: settings, idleExit, log }))
      .catch((error: Error) => log(error.stack ?? String(error)));
    return reloading;
  };
  return { stop, reload, stopped };
};

const createBackend = async (
  name: string,
  paths: Paths,
  env: Readonly<Record<string, string | undefined>>,
  report: (line: string) => void,
): Promise<Backend> => {
  const preload = keepPreload(join(__dirname, "preload.cjs"), paths, report);
  if (name === "systemd") {
    const { SystemdBackend } = await import("../backend/systemd/backend.ts");
    return new SystemdBackend({
      scope: paths.scope,
      busAddress: busAddress(paths, env),
      runtimeDirectory: paths.managerRuntime ?? "/run",
      stateDirectory: paths.state,
      preload,
      notifyStopping: async () => notifyStopping(env),
      scheduleCommand: {
        words: (app) => [process.execPath, join(__dirname, "velos.cjs"), "restart", app, "--cron", `--${paths.scope}`],
        environment: Object.fromEntries(
          ["VELOS_HOME", "HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"].flatMap((name) => {
            const value = env[name];
            return value ? [[name, value]] : [];
          }),
        ),
      },
    });
  }
  const options = { stateDir: paths.state, preload, keeper: join(__dirname, "keeper.cjs"), report };
  if (name === "launchd") {
    const { LaunchdBackend } = await import("../backend/launchd/backend.ts");
    return new LaunchdBackend({ ...options, scope: paths.scope, uid: process.getuid?.() ?? 0 });
  }
  const { SpawnBackend } = await import("../backend/spawn/backend.ts");
  return new SpawnBackend(options);
};
