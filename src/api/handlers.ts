import type { Facility, LogLine } from "../backend/backend.ts";
import type { Controller } from "../controller/controller.ts";
import { parseQuantity } from "../domain/quantity.ts";
import { signalName } from "../domain/signal-name.ts";
import { eventStream } from "./event-stream.ts";
import { JsonText } from "./frames.ts";
import { liveStream } from "./live-stream.ts";
import { logPage } from "./log-page.ts";
import { readLogs } from "./merge-logs.ts";
import type { DaemonFigures } from "./metrics-schema.ts";
import type { CallName, Params, Result, StreamName } from "./operations.ts";
import { shared } from "./shared.ts";

export type CallHandlers = { [K in CallName]: (params: Params<K>) => Promise<Result<K> | JsonText> };
export type StreamHandlers = {
  [K in StreamName]: (params: Params<K>, signal: AbortSignal) => AsyncIterable<Result<K>>;
};

/** What velosd's process adds to the controller. */
export interface ProcessContext {
  version: string;
  scope: "system" | "user";
  startedAt: number;
  /** What there is besides the backend's. */
  facilities?: () => Facility[];
  /** What velosd counts of its own work. */
  figures?: () => Pick<DaemonFigures, "requests" | "latencies" | "eventLoopLag">;
  shutdown: () => void;
}

/** The operations, done by a controller. */
export const createHandlers = (
  controller: Controller,
  context: ProcessContext,
): { calls: CallHandlers; streams: StreamHandlers } => ({
  calls: {
    ping: async () => ({
      version: context.version,
      pid: process.pid,
      scope: context.scope,
      backend: controller.backend.name,
      uptimeMs: Date.now() - context.startedAt,
      memoryBytes: process.memoryUsage.rss(),
      apps: controller.converge.names().length,
      node: process.version,
      problems: controller.problems,
    }),
    list: async ({ selectors }) => ({ apps: await controller.apps.list(selectors), problems: controller.problems }),
    describe: async ({ selector, secrets, exposure }) => {
      const described = await controller.apps.describe(selector, secrets);
      const level = exposure === true ? await exposureOf(controller, described) : undefined;
      return { ...described, ...(level !== undefined && { exposure: level }) };
    },
    start: async ({ spec, instances, wait }) =>
      controller.commands.start(
        spec,
        instances === undefined ? undefined : parseQuantity(String(instances), true),
        wait,
      ),
    resume: async ({ selectors }) => ({ apps: await controller.commands.resume(selectors) }),
    stop: async ({ selectors }) => ({ apps: await controller.commands.stop(selectors) }),
    restart: async ({ selectors, rolling, reason, wait }) => ({
      apps: await controller.commands.restart(selectors, rolling ? "reload" : "restart", reason ?? "manual", wait),
    }),
    scale: async ({ app, instances, wait }) => ({
      app: await controller.commands.scale(app, parseQuantity(String(instances)), wait),
    }),
    rollout: async ({ app }) => controller.rollouts.status(app),
    pauseRollout: async ({ app }) => controller.rollouts.pause(app),
    resumeRollout: async ({ app }) => controller.rollouts.resume(app),
    undoRollout: async ({ app, wait }) => controller.rollouts.undo(app, wait),
    delete: async ({ selectors }) => ({ deleted: await controller.commands.delete(selectors) }),
    signal: async ({ selectors, signal }) => ({
      signalled: await controller.commands.signal(selectors, signalName(signal)),
    }),
    env: async ({ selector, secrets }) => ({ env: await controller.apps.environment(selector, secrets) }),
    logPage: async (params) => logPage(controller, params),
    metrics: shared(async () => {
      const snapshot = await controller.snapshots.take();
      const { version, scope, startedAt } = context;
      const { user, system } = process.cpuUsage();
      const supervisor = controller.backend.supervisorCounters?.();
      const daemon: DaemonFigures = {
        version,
        node: process.version,
        scope,
        backend: controller.backend.name,
        uptimeSeconds: Math.max(0, Date.now() - startedAt) / 1000,
        memoryBytes: process.memoryUsage.rss(),
        cpuSeconds: (user + system) / 1e6,
        ...(context.figures?.() ?? { requests: [], latencies: [] }),
        ...(supervisor && { supervisor }),
      };
      return new JsonText(`{"daemon":${JSON.stringify(daemon)},${snapshot.slice(1)}`);
    }),
    doctor: async () => ({
      facilities: [...(await controller.backend.facilities()), ...(context.facilities?.() ?? [])],
      problems: controller.problems,
    }),
    shutdown: async () => {
      context.shutdown();
      return { pid: process.pid };
    },
  },
  streams: {
    logs: (params, signal): AsyncIterable<LogLine> => readLogs(controller, params, signal),
    live: (_, signal) => liveStream(controller.live, signal),
    watch: (_, signal) => eventStream(controller.events, signal),
  },
});

/** How much of the machine an instance can reach: the one described, else the first that runs. */
const exposureOf = async (
  { backend }: Controller,
  { app, instance }: Result<"describe">,
): Promise<number | undefined> => {
  const one = instance ?? app.processes.find(({ pid }) => pid !== undefined);
  return one && backend.exposure?.(app.name, one.index);
};
