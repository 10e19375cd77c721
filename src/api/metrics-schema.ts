import * as Type from "typebox";
import type { Static } from "typebox";
import type { SupervisorCounters } from "../backend/backend.ts";
import type { AppsSnapshot } from "../domain/snapshot.ts";

const Count = Type.Integer({ minimum: 0 });
const Seconds = Type.Number({ minimum: 0 });

/** Counts by bucket, the last one for what is above all bounds; see domain/histogram.ts. */
const HistogramSchema = Type.Object({ counts: Type.Array(Count), sum: Seconds });

const byReason = <K extends string>(reasons: readonly K[]) =>
  Type.Object(
    Object.fromEntries(reasons.map((reason) => [reason, Type.Optional(Count)])) as Record<
      K,
      ReturnType<typeof Type.Optional<typeof Count>>
    >,
  );

/** What velosd knows of itself. */
export const DaemonFiguresSchema = Type.Object({
  version: Type.String(),
  node: Type.String(),
  scope: Type.String(),
  backend: Type.String(),
  uptimeSeconds: Seconds,
  memoryBytes: Count,
  cpuSeconds: Seconds,
  requests: Type.Array(Type.Object({ method: Type.String(), code: Type.String(), count: Count })),
  /** Bounds: `latencyBounds`. */
  latencies: Type.Array(Type.Object({ method: Type.String(), counts: Type.Array(Count), sum: Seconds })),
  /** Seconds by which the event loop was late since the last time somebody asked; absent at the first time. */
  eventLoopLag: Type.Optional(Type.Object({ mean: Seconds, p99: Seconds, max: Seconds })),
  supervisor: Type.Optional(
    Type.Object({
      calls: Count,
      errors: Count,
      latency: HistogramSchema,
      reconnects: Count,
      jobsPending: Count,
    }),
  ),
});

export type DaemonFigures = Static<typeof DaemonFiguresSchema>;

/** Everything that velosd counts and measures, raw. Rates, names and texts are the reader's. */
export const MetricsSchema = Type.Object({
  daemon: DaemonFiguresSchema,
  at: Type.Number({ description: "milliseconds since the epoch" }),
  apps: Type.Array(
    Type.Object({
      name: Type.String(),
      interpreter: Type.String(),
      desired: Count,
      running: Count,
      ready: Count,
      rollingOut: Type.Boolean(),
      rollouts: byReason(["done", "stalled", "reverted", "superseded"]),
      readyDuration: HistogramSchema,
      drainDuration: HistogramSchema,
      rolloutDuration: HistogramSchema,
    }),
  ),
  instances: Type.Array(Type.Array(Type.Union([Type.Number(), Type.String(), Type.Null()])), {
    description: "a row for each instance; its columns are those of `instanceColumns`",
  }),
  collection: Type.Object({ seconds: Seconds, failed: Count }),
});

export type MetricsSnapshot = Static<typeof MetricsSchema>;

// These lines fail to compile when the wire and the code differ.
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const same = <A, B>(_: Same<A, B>): void => {};
same<Omit<MetricsSnapshot, "daemon">, AppsSnapshot>(true);
same<NonNullable<DaemonFigures["supervisor"]>, SupervisorCounters>(true);
