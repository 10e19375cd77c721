import type { Socket } from "node:net";
import { connectDaemon } from "../client/connect.ts";
import { loadScopeConfig } from "../config/load-scope.ts";
import type { Paths } from "../config/paths.ts";
import type { ResolveContext } from "../config/resolve.ts";
import { Collector } from "../metrics/collector.ts";
import { OwnMetrics } from "../metrics/own-metrics.ts";
import { Page } from "../metrics/page.ts";
import { buildServer } from "./build.ts";
import { Fleet } from "./fleet.ts";
import type { Where } from "./listen.ts";
import { listen } from "./listen.ts";
import { LogLimits } from "./log-limits.ts";
import { Followers } from "./push/followers.ts";
import { Hub } from "./push/hub.ts";
import { Samples } from "./samples.ts";
import type { Services } from "./services.ts";
import { readSettings } from "./settings.ts";
import { Velosd } from "./velosd.ts";

/** A scrape that is answered later counts as failed at most scrapers. */
const SCRAPE_TIMEOUT_MS = 1000;
/** How long clients may take to go when the server ends. */
const LEAVE_MS = 1000;

export interface ApiOptions {
  paths: Paths;
  env: Readonly<Record<string, string | undefined>>;
  /** Backend, should velosd have to be started. */
  backend: string | undefined;
  version: string;
  /** Who starts apps, and where their relative paths begin. */
  resolve: ResolveContext;
  cwd: string;
  uid: number;
  where: Where;
  /** Agents get only the tools that change nothing, whatever their token allows. */
  readOnlyTools?: boolean;
  /** Directories of the pages; absent: they are not served. */
  dashboard?: string;
  docs?: string;
  /** A line of the server's log. */
  report: (text: string) => void;
}

/** A server that serves. */
export interface RunningApi {
  /** `http://127.0.0.1:3100`, or `unix:` and a path. */
  url: string;
  close: () => Promise<void>;
}

/**
 * Serves the REST API and the WebSocket until it is closed.
 * @throws VelosError PORT_IN_USE, USAGE, CONFIG_INVALID
 */
export const serveApi = async (options: ApiOptions): Promise<RunningApi> => {
  const { paths, env, backend, where, report, uid } = options;
  const settings = await readSettings(await loadScopeConfig(paths.config), paths.config, where, report);
  const velosd = new Velosd({
    connect: (start) => connectDaemon({ paths, env, backend, start, note: report }),
    report,
  });
  const fleet = new Fleet();
  const followers = new Followers(velosd, fleet);
  const services: Services = {
    velosd,
    fleet,
    samples: new Samples(velosd),
    followers,
    logLimits: new LogLimits(),
    version: options.version,
    scope: paths.scope,
    resolve: options.resolve,
    cwd: options.cwd,
    readOnlyTools: options.readOnlyTools ?? false,
  };
  const hub = new Hub(services);
  const collector = new Collector({
    connect: () => connectDaemon({ paths, env, backend: undefined, start: false }),
    timeoutMs: SCRAPE_TIMEOUT_MS,
  });
  const app = await buildServer({
    services,
    hub,
    page: new Page(collector, new OwnMetrics()),
    guard: {
      tokens: settings.tokens,
      hosts: settings.hosts,
      origins: settings.origins,
      uids: new Set([uid, 0]),
      isSocket: "socket" in where,
    },
    requestsPerMinute: settings.requestsPerMinute,
    ...(settings.tls && { tls: settings.tls }),
    ...(options.dashboard !== undefined && { dashboard: options.dashboard }),
    ...(options.docs !== undefined && { docs: options.docs }),
    report,
  });
  const sockets = new Set<Socket>();
  app.server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const close = async (): Promise<void> => {
    hub.close();
    followers.close();
    velosd.close();
    collector.close();
    const late = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, LEAVE_MS);
    await app.close();
    clearTimeout(late);
  };
  try {
    const url = await listen(app, where, settings.tls !== undefined);
    let begun!: () => void;
    const first = new Promise<void>((resolve) => (begun = resolve));
    void velosd.watch((item) => {
      begun();
      if (item) fleet.apply(item);
      else services.samples.forget();
      hub.take(item);
      if (item === undefined || item.type === "snapshot" || item.type === "app") followers.changed();
    });
    // Whoever starts this and then asks is not told that it has only just begun.
    await first;
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
};
