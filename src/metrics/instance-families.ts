import type { InstanceColumn, InstanceRow } from "../domain/snapshot.ts";
import { column, statusOrder } from "../domain/snapshot.ts";
import { exitReasons, restartCauses } from "../domain/tally.ts";
import type { Family } from "./exposition.ts";

/** One time series of each instance. */
export interface InstanceSeries {
  /** Labels besides `name` and `instance`. */
  labels: Readonly<Record<string, string>>;
  /** Undefined: it has none at the moment. */
  value: (row: InstanceRow, nowMs: number) => number | undefined;
}

export interface InstanceFamily extends Family {
  series: readonly InstanceSeries[];
}

const number = (name: InstanceColumn, scale = 1): InstanceSeries["value"] => {
  const at = column[name];
  return (row) => {
    const value = row[at];
    return typeof value !== "number" ? undefined : scale === 1 ? value : value / scale;
  };
};

const one = (name: InstanceColumn, scale = 1): InstanceSeries[] => [{ labels: {}, value: number(name, scale) }];

const USEC = 1e6;
const MSEC = 1000;

const pressure = (resource: string, name: InstanceColumn): InstanceSeries => ({
  labels: { resource },
  value: number(name, USEC),
});

/**
 * What there is of every instance: 39 series, and the info that instance-info.ts adds, 40 in all. That is the limit: a
 * thousand instances are 40,000 series, and every one of them costs its reader memory for as long as it keeps data.
 */
export const instanceFamilies: readonly InstanceFamily[] = [
  {
    name: "velos_process_cpu_percent",
    type: "gauge",
    help: "CPU use since the last reading, 100 is one core; children included.",
    series: one("cpuPercent"),
  },
  {
    name: "velos_process_memory_bytes",
    type: "gauge",
    help: "Memory in use, children and page cache included; resident sets where the memory controller is not there.",
    series: one("memoryBytes"),
  },
  {
    name: "velos_process_uptime_seconds",
    type: "gauge",
    help: "Time since the start of the current run.",
    series: [
      {
        labels: {},
        value: (row, nowMs) => {
          const startedAt = row[column.startedAt];
          return typeof startedAt === "number" ? Math.max(0, nowMs - startedAt) / MSEC : undefined;
        },
      },
    ],
  },
  {
    name: "velos_process_restart_total",
    type: "counter",
    help: "Restarts, automatic and by hand.",
    series: one("restarts"),
  },
  {
    name: "velos_process_status",
    type: "gauge",
    help: "0 stopped, 1 online, 2 errored, 3 starting, 4 stopping, 5 waiting to be restarted.",
    series: one("status"),
  },
  {
    name: "velos_process_state",
    type: "gauge",
    help: "1 for the state that the instance is in, 0 for the others.",
    series: statusOrder.map((state, place) => ({
      labels: { state },
      value: (row) => Number(row[column.status] === place),
    })),
  },
  {
    name: "velos_process_ready",
    type: "gauge",
    help: "1 when it serves: online, ready, and its health check passes where it has one.",
    series: one("ready"),
  },
  {
    name: "velos_process_start_time_seconds",
    type: "gauge",
    help: "Start of the current run, in seconds since the epoch.",
    series: one("startedAt", MSEC),
  },
  {
    name: "velos_process_cpu_seconds_total",
    type: "counter",
    help: "CPU time over all runs, children included.",
    series: [
      { labels: { mode: "user" }, value: number("cpuUserUsec", USEC) },
      { labels: { mode: "system" }, value: number("cpuSystemUsec", USEC) },
    ],
  },
  {
    name: "velos_process_cpu_throttled_seconds_total",
    type: "counter",
    help: "Time that cpu_quota made it wait.",
    series: one("throttledUsec", USEC),
  },
  {
    name: "velos_process_memory_peak_bytes",
    type: "gauge",
    help: "Most memory that the current run had in use.",
    series: one("memoryPeakBytes"),
  },
  {
    name: "velos_process_memory_limit_bytes",
    type: "gauge",
    help: "Memory above which the kernel kills; absent without a limit.",
    series: one("memoryLimitBytes"),
  },
  {
    name: "velos_process_memory_working_set_bytes",
    type: "gauge",
    help: "Memory in use without the file pages that the kernel can drop at once.",
    series: one("workingSetBytes"),
  },
  {
    name: "velos_process_oom_kills_total",
    type: "counter",
    help: "Processes of it that the kernel killed for want of memory.",
    series: one("oomKills"),
  },
  { name: "velos_process_tasks", type: "gauge", help: "Threads of all its processes.", series: one("tasks") },
  {
    name: "velos_process_open_fds",
    type: "gauge",
    help: "Descriptors that its main process has open.",
    series: one("openFds"),
  },
  {
    name: "velos_process_io_bytes_total",
    type: "counter",
    help: "Bytes read from and written to storage.",
    series: [
      { labels: { direction: "read" }, value: number("readBytes") },
      { labels: { direction: "write" }, value: number("writtenBytes") },
    ],
  },
  {
    name: "velos_process_pressure_seconds_total",
    type: "counter",
    help: "Time in which at least one of its tasks waited for the resource (PSI some).",
    series: [
      pressure("cpu", "cpuPressureUsec"),
      pressure("memory", "memoryPressureUsec"),
      pressure("io", "ioPressureUsec"),
    ],
  },
  {
    name: "velos_process_restarts_by_reason_total",
    type: "counter",
    help: "Restarts by reason.",
    series: restartCauses.map((reason) => ({ labels: { reason }, value: number(`restarts.${reason}`) })),
  },
  {
    name: "velos_process_exits_total",
    type: "counter",
    help: "Runs that ended without being told to, by the way they ended.",
    series: exitReasons.map((reason) => ({ labels: { reason }, value: number(`exits.${reason}`) })),
  },
];
