import type { InstanceColumn } from "../domain/snapshot.ts";
import { column, growingFigures, momentaryFigures, statusOrder } from "../domain/snapshot.ts";
import { exitReasons, restartCauses } from "../domain/tally.ts";
import type { MetricsSnapshot } from "./metrics-schema.ts";

type Row = MetricsSnapshot["instances"][number];

/** The figures of an instance by name: `Usec` and `Bytes` say the unit; what is not known is left out. */
const figuresOf = <K extends InstanceColumn>(row: Row, names: readonly K[]): { [key in K]?: number } =>
  Object.fromEntries(
    names.flatMap((name): [string, number][] => {
      const value = row[column[name]];
      return typeof value === "number" ? [[name, value]] : [];
    }),
  ) as { [key in K]?: number };

/** Counts by reason, without those that are 0. */
const countsOf = (row: Row, prefix: "restarts" | "exits", reasons: readonly string[]): Record<string, number> =>
  Object.fromEntries(
    reasons.flatMap((reason): [string, number][] => {
      const count = row[column[`${prefix}.${reason}` as InstanceColumn]];
      return typeof count === "number" && count > 0 ? [[reason, count]] : [];
    }),
  );

/** Everything that is measured, for readers without a Prometheus: rows become objects, and instances their apps'. */
export const readableMetrics = ({ daemon, at, apps, instances }: MetricsSnapshot) => ({
  at,
  daemon: {
    version: daemon.version,
    scope: daemon.scope,
    backend: daemon.backend,
    uptimeSeconds: daemon.uptimeSeconds,
    memoryBytes: daemon.memoryBytes,
    cpuSeconds: daemon.cpuSeconds,
  },
  apps: apps.map(({ name, desired, running, ready, rollingOut, rollouts }, place) => ({
    name,
    desired,
    running,
    ready,
    rollingOut,
    rollouts,
    instances: instances
      .filter((row) => row[column.app] === place)
      .map((row) => ({
        index: Number(row[column.index]),
        status: statusOrder[Number(row[column.status])]!,
        ready: row[column.ready] === 1,
        ...figuresOf(row, ["startedAt", "cpuPercent", "restarts", ...momentaryFigures, ...growingFigures]),
        restartsByReason: countsOf(row, "restarts", restartCauses),
        exitsByReason: countsOf(row, "exits", exitReasons),
      })),
  })),
});
