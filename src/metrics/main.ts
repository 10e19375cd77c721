import type { AddressInfo } from "node:net";
import { connectDaemon } from "../client/connect.ts";
import type { Paths } from "../config/paths.ts";
import { VelosError } from "../domain/errors.ts";
import { Collector } from "./collector.ts";
import { OwnMetrics } from "./own-metrics.ts";
import { Page } from "./page.ts";
import { createMetricsServer } from "./server.ts";

/** A scraper that is answered late counts the target as down; most wait 10 s, some 1. */
const TIMEOUT_MS = 1000;
/** Of another server: ssh logs in first. */
const REMOTE_TIMEOUT_MS = 9000;

export interface MetricsOptions {
  paths: Paths;
  env: Readonly<Record<string, string | undefined>>;
  /** A line of the exporter's log. */
  report: (text: string) => void;
}

/**
 * velosd is never started for a scrape: who has no velosd must be told so, not be given an empty one. Where the service
 * manager holds velosd's socket, connecting to it does bring velosd back, as for every other client.
 */
const createPage = ({ paths, env, report }: MetricsOptions): { page: Page; collector: Collector } => {
  const collector = new Collector({
    connect: () => connectDaemon({ paths, env, backend: undefined, start: false }),
    timeoutMs: paths.remote ? REMOTE_TIMEOUT_MS : TIMEOUT_MS,
    report,
  });
  return { page: new Page(collector, new OwnMetrics()), collector };
};

/** One scrape, in the older format: it is what node_exporter's textfile collector reads. */
export const scrapeOnce = async (options: MetricsOptions): Promise<Buffer> => {
  const { page, collector } = createPage(options);
  try {
    return await page.render("text");
  } finally {
    collector.close();
  }
};

/** An exporter that serves. */
export interface RunningMetrics {
  /** `http://127.0.0.1:9615` */
  url: string;
  close: () => void;
}

/**
 * Serves metrics until it is closed.
 * @throws VelosError PORT_IN_USE, USAGE
 */
export const serveMetrics = async (
  options: MetricsOptions,
  where: { host: string; port: number },
): Promise<RunningMetrics> => {
  const { page, collector } = createPage(options);
  const server = createMetricsServer(page);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenFailure(error, where)));
    server.listen(where.port, where.host, () => resolve());
  });
  const { address, port, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${port}`,
    close: () => {
      collector.close();
      server.close();
      server.closeAllConnections();
    },
  };
};

const listenFailure = (error: NodeJS.ErrnoException, { host, port }: { host: string; port: number }): VelosError => {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (error.code === "EADDRINUSE") return new VelosError("PORT_IN_USE", { address, by: "" }, { cause: error });
  const hints: Record<string, string> = {
    EACCES: "ports below 1024 are root's; choose another with --port",
    ENOTFOUND: "--host takes an address of this machine, such as 127.0.0.1 or 0.0.0.0",
    EADDRNOTAVAIL: "--host takes an address of this machine, such as 127.0.0.1 or 0.0.0.0",
  };
  const hint = hints[error.code ?? ""] ?? "choose another with --host and --port";
  return new VelosError("USAGE", { why: `cannot listen on ${address}: ${error.message}`, hint }, { cause: error });
};
