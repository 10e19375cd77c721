import fc from "fast-check";
import type { MetricsSnapshot } from "../../src/api/metrics-schema.ts";
import { durationBounds, latencyBounds } from "../../src/domain/histogram.ts";
import type { AppSnapshot, InstanceRow } from "../../src/domain/snapshot.ts";
import { growingFigures, momentaryFigures, statusOrder } from "../../src/domain/snapshot.ts";
import { exitReasons, restartCauses, rolloutResults } from "../../src/domain/tally.ts";

const count = fc.nat({ max: 2 ** 40 });
const seconds = fc.double({ min: 0, max: 1e9, noNaN: true });
const histogram = (bounds: readonly number[]) =>
  fc.record({ counts: fc.array(count, { minLength: bounds.length + 1, maxLength: bounds.length + 1 }), sum: seconds });

const appName = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,20}$/);
/** What a label may have to carry, the characters that are written otherwise among it. */
const word = fc.string({ unit: fc.constantFrom("a", "Z", "9", "\\", '"', "\n", "{", "}", ",", "=", " ", "é", "…") });

const app = (name: string): fc.Arbitrary<AppSnapshot> =>
  fc.record({
    name: fc.constant(name),
    interpreter: word,
    desired: fc.nat(100),
    running: fc.nat(100),
    ready: fc.nat(100),
    rollingOut: fc.boolean(),
    rollouts: fc.record(Object.fromEntries(rolloutResults.map((result) => [result, count])), { requiredKeys: [] }),
    readyDuration: histogram(durationBounds),
    drainDuration: histogram(durationBounds),
    rolloutDuration: histogram(durationBounds),
  });

const row = (appAt: number, index: number): fc.Arbitrary<InstanceRow> =>
  fc.tuple(
    fc.constant(appAt),
    fc.constant(index),
    fc.nat(statusOrder.length - 1),
    fc.constantFrom(0, 1),
    fc.option(fc.integer({ min: 1, max: 2 ** 41 })),
    fc.option(fc.double({ min: 0, max: 6400, noNaN: true })),
    count,
    word,
    word,
    word,
    ...restartCauses.map(() => count),
    ...exitReasons.map(() => count),
    ...[...growingFigures, ...momentaryFigures].map(() => fc.option(fc.nat({ max: 2 ** 50 }))),
  );

const daemon: fc.Arbitrary<MetricsSnapshot["daemon"]> = fc.record(
  {
    version: word,
    node: word,
    scope: word,
    backend: fc.constantFrom("systemd", "spawn"),
    uptimeSeconds: seconds,
    memoryBytes: count,
    cpuSeconds: seconds,
    requests: fc.uniqueArray(fc.record({ method: word, code: word, count }), {
      maxLength: 4,
      selector: ({ method, code }) => JSON.stringify([method, code]),
    }),
    latencies: fc.uniqueArray(
      fc.tuple(word, histogram(latencyBounds)).map(([method, counted]) => ({ method, ...counted })),
      { maxLength: 3, selector: ({ method }) => method },
    ),
    eventLoopLag: fc.record({ mean: seconds, p99: seconds, max: seconds }),
    supervisor: fc.record({
      calls: count,
      errors: fc.constant(0),
      latency: histogram(latencyBounds),
      reconnects: count,
      jobsPending: fc.nat(100),
    }),
  },
  {
    requiredKeys: [
      "version",
      "node",
      "scope",
      "backend",
      "uptimeSeconds",
      "memoryBytes",
      "cpuSeconds",
      "requests",
      "latencies",
    ],
  },
);

/** Any snapshot that velosd could send. */
export const anySnapshot: fc.Arbitrary<MetricsSnapshot> = fc
  .uniqueArray(fc.tuple(appName, fc.nat(4)), { maxLength: 4, selector: ([name]) => name })
  .chain((apps) =>
    fc.record({
      daemon,
      at: fc.integer({ min: 2 ** 40, max: 2 ** 41 }),
      apps: fc.tuple(...apps.map(([name]) => app(name))),
      instances: fc.tuple(
        ...apps.flatMap(([, size], at) => Array.from({ length: size }, (_, index) => row(at, index))),
      ),
      collection: fc.record({ seconds, failed: fc.nat(10) }),
    }),
  );
