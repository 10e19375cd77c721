import type { LogLine } from "../backend/backend.ts";
import type { Controller } from "../controller/controller.ts";
import { parseQuantity } from "../domain/quantity.ts";
import { signalName } from "../domain/signal-name.ts";
import { eventStream } from "./event-stream.ts";
import { mergeLogs } from "./merge-logs.ts";
import type { CallName, Params, Result, StreamName } from "./operations.ts";

export type CallHandlers = { [K in CallName]: (params: Params<K>) => Promise<Result<K>> };
export type StreamHandlers = {
  [K in StreamName]: (params: Params<K>, signal: AbortSignal) => AsyncIterable<Result<K>>;
};

/** What velosd's process adds to the controller. */
export interface ProcessContext {
  version: string;
  scope: "system" | "user";
  startedAt: number;
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
    list: async ({ selectors }) => ({ apps: await controller.list(selectors), problems: controller.problems }),
    describe: async ({ selector }) => controller.describe(selector),
    start: async ({ spec, instances }) =>
      controller.start(spec, instances === undefined ? undefined : parseQuantity(String(instances), true)),
    resume: async ({ selectors }) => ({ apps: await controller.resume(selectors) }),
    stop: async ({ selectors }) => ({ apps: await controller.stop(selectors) }),
    restart: async ({ selectors, rolling, reason }) => ({
      apps: await controller.restart(selectors, rolling ? "reload" : "restart", reason ?? "manual"),
    }),
    scale: async ({ app, instances }) => ({ app: await controller.scale(app, parseQuantity(String(instances))) }),
    rollout: async ({ app }) => controller.rollout(app),
    pauseRollout: async ({ app }) => controller.pauseRollout(app),
    resumeRollout: async ({ app }) => controller.resumeRollout(app),
    undoRollout: async ({ app }) => controller.undoRollout(app),
    delete: async ({ selectors }) => ({ deleted: await controller.delete(selectors) }),
    signal: async ({ selectors, signal }) => ({ signalled: await controller.signal(selectors, signalName(signal)) }),
    env: async ({ selector }) => ({ env: await controller.environment(selector) }),
    doctor: async () => ({ facilities: await controller.backend.facilities(), problems: controller.problems }),
    shutdown: async () => {
      context.shutdown();
      return { pid: process.pid };
    },
  },
  streams: {
    logs: (params, signal): AsyncIterable<LogLine> => mergeLogs(controller, params, signal),
    watch: (_, signal) => eventStream(controller.events, signal),
  },
});
