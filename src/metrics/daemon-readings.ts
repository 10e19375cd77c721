import type { MetricsSnapshot } from "../api/metrics-schema.ts";
import type { Histogram } from "../domain/histogram.ts";
import { latencyBounds } from "../domain/histogram.ts";
import { column, statusOrder } from "../domain/snapshot.ts";
import type { Reading, ReadingValue } from "./reading.ts";

type Labels = ReadingValue["labels"];

const plain = (value: number | undefined, labels: Labels = {}): ReadingValue[] =>
  value === undefined ? [] : [{ value, labels }];

const gauge = (name: string, help: string, values: ReadingValue[]): Reading => ({
  name,
  help,
  type: "gauge",
  values: () => values,
});

const counter = (name: string, help: string, values: ReadingValue[]): Reading => ({
  name,
  help,
  type: "counter",
  values: () => values,
});

const histogram = (name: string, help: string, all: readonly (readonly [Labels, Histogram])[]): Reading => ({
  name,
  help,
  type: "histogram",
  values: () => all.flatMap(([labels, counted]) => histogramValues(name, labels, counted)),
});

const histogramValues = (name: string, labels: Labels, { counts, sum }: Histogram): ReadingValue[] => {
  let count = 0;
  const buckets = counts.map((inBucket, at): ReadingValue => {
    count += inBucket;
    const le = latencyBounds[at] ?? "+Inf";
    return { metricName: `${name}_bucket`, value: count, labels: { ...labels, le } };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, value: sum, labels },
    { metricName: `${name}_count`, value: count, labels },
  ];
};

const processesByStatus = ({ instances }: MetricsSnapshot): ReadingValue[] => {
  const counts = statusOrder.map(() => 0);
  for (const row of instances) counts[row[column.status] as number]!++;
  return statusOrder.map((status, place) => ({ value: counts[place]!, labels: { status } }));
};

/** What there is of velosd itself. */
export const daemonReadings = (snapshot: MetricsSnapshot): Reading[] => {
  const { daemon } = snapshot;
  const { version, node, scope, backend, supervisor, eventLoopLag } = daemon;
  return [
    gauge("velos_daemon_build_info", "Versions of velosd and Node, scope and backend.", [
      { value: 1, labels: { version, node, scope, backend } },
    ]),
    gauge("velos_daemon_uptime_seconds", "Time since velosd was started.", plain(daemon.uptimeSeconds)),
    gauge("velos_daemon_memory_bytes", "Resident memory of velosd.", plain(daemon.memoryBytes)),
    counter("velos_daemon_cpu_seconds_total", "CPU time of velosd.", plain(daemon.cpuSeconds)),
    gauge("velos_daemon_processes_total", "Instances that velosd manages.", plain(snapshot.instances.length)),
    gauge("velos_daemon_processes", "Instances by status.", processesByStatus(snapshot)),
    counter(
      "velos_daemon_ipc_requests_total",
      "Requests to velosd by method and outcome: OK or an error code.",
      daemon.requests.map(({ method, code, count }) => ({ value: count, labels: { method, code } })),
    ),
    histogram(
      "velos_daemon_ipc_latency_seconds",
      "How long velosd took to answer; streams are not in it.",
      daemon.latencies.map(({ method, ...counted }) => [{ method }, counted]),
    ),
    gauge(
      "velos_daemon_event_loop_lag_seconds",
      "By how much velosd's event loop was late since the last scrape.",
      eventLoopLag ? Object.entries(eventLoopLag).map(([stat, value]) => ({ value, labels: { stat } })) : [],
    ),
    counter(
      "velos_daemon_dbus_calls_total",
      "Calls to the service manager by outcome.",
      supervisor
        ? [
            { value: supervisor.calls - supervisor.errors, labels: { result: "ok" } },
            { value: supervisor.errors, labels: { result: "error" } },
          ]
        : [],
    ),
    histogram(
      "velos_daemon_dbus_latency_seconds",
      "How long the service manager took to answer.",
      supervisor ? [[{}, supervisor.latency]] : [],
    ),
    counter(
      "velos_daemon_dbus_reconnects_total",
      "Connections to the bus that were lost and made again.",
      plain(supervisor?.reconnects),
    ),
    gauge(
      "velos_daemon_jobs_pending",
      "Jobs of the service manager that velosd waits for.",
      plain(supervisor?.jobsPending),
    ),
  ];
};
