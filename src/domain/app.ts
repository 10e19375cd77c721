import { createHash } from "node:crypto";
import type { ListenAddress } from "./listen.ts";
import type { Credential, Sandbox } from "./sandbox.ts";

/**
 * All that decides how an instance of an app is started and supervised, resolved: paths absolute, durations in
 * milliseconds, sizes in bytes, the environment complete. It is what the CLI sends and what the store keeps;
 * nothing in it depends on the caller any more.
 */
export interface AppSpec {
  name: string;
  /** Absolute path of the program, and its arguments: passed to the kernel as they are, never through a shell. */
  program: string;
  args: string[];
  /** What the user named, for showing: absolute path of the script, absent for a command. */
  script?: string;
  /** What runs the script (`node`, `python3`); absent for a command or an executable. */
  interpreter?: string;
  cwd: string;
  /** Visible in `systemctl show`. */
  env: Record<string, string>;
  /** From env files; kept out of `systemctl show` and masked in answers. */
  secretEnv: Record<string, string>;
  /** User to run as; absent for the scope's own. */
  user?: string;
  group?: string;
  /** What it may see and do; absent: all that its user may. */
  sandbox?: Sandbox;
  /** Secrets by name, which the app finds as files in `$CREDENTIALS_DIRECTORY`. */
  credentials?: Record<string, Credential>;

  autorestart: boolean;
  /** Unstable restarts in a row (runs shorter than `minUptimeMs`) after which velos gives up. */
  maxRestarts: number;
  minUptimeMs: number;
  restartDelayMs: number;
  /** First delay of a doubling one; 0: the delay stays `restartDelayMs`. */
  expBackoffRestartDelayMs: number;
  killTimeoutMs: number;
  killSignal: string;
  /** The app says when it is ready (READY=1, `process.send('ready')`). */
  waitReady: boolean;
  listenTimeoutMs: number;
  /** Exit codes after which an instance is not restarted. */
  stopExitCodes: number[];

  maxMemoryRestartBytes?: number;
  memoryMaxBytes?: number;
  /** 100 = one core. */
  cpuQuotaPercent?: number;
  tasksMax?: number;

  /** Addresses held open for the app and shared by its instances; empty: it listens by itself, or not at all. */
  listen: ListenAddress[];
  /**
   * Node with the preload: how long a connection counts as load after its last answer. Instances close with an answer what
   * they have more of than others; where they do not know of others, what is at most this old. 0: never.
   */
  maxConnectionAgeMs: number;
  /** Node with the preload: the app is sent the message `shutdown` instead of being drained. */
  shutdownWithMessage: boolean;
  /** How to ask an instance whether it is well; absent: its process is all that is looked at. */
  health?: HealthCheck;

  /** Absolute paths whose change restarts the app; empty: not watched. */
  watch: string[];
  watchIgnore: string[];
  /** Five-field cron expression. */
  cronRestart?: string;

  /** Name of the variable that carries the index besides VELOS_INSTANCE_ID. */
  instanceVar?: string;
  /** Variable whose numeric value grows by the index. */
  incrementVar?: string;

  /** Spawn backend: size at which a log file is rotated, and how many rotated files are kept. */
  logMaxBytes: number;
  logKeep: number;

  rollout: RolloutSettings;

  /** Properties of systemd passed through untouched: name to value as written. */
  systemd: Record<string, SystemdValue>;
}

/** A health check: exactly one of `http`, `tcp` and `command`. */
export interface HealthCheck {
  /** Path (`/healthz`) on the instance's own server, or a URL in which `{PORT}` is a variable of the instance. */
  http?: string;
  /** `host:port`, in which `{PORT}` is a variable of the instance. */
  tcp?: string;
  /** Program and arguments, run in the instance's directory with its environment; exit code 0 is well. */
  command?: string[];
  intervalMs: number;
  timeoutMs: number;
  /** Failures in a row after which the instance is restarted. */
  failures: number;
  /** How long after a start failures do not count, unless it has been well already. */
  gracePeriodMs: number;
}

export type SystemdValue = string | number | boolean | string[];

/** How instances are replaced; see plan.ts. */
export interface RolloutSettings {
  /**
   * Instances that may be out at a time: a number, or a percentage of the wanted ones such as `25%`. Absent: 1, or 0
   * where a `surge` that was asked for provides the replacement first.
   */
  maxUnavailable?: number | string;
  /** Extra instances on the new spec while the rollout runs; absent: see `rolloutBudget`. */
  surge?: number;
  /** Wait between two instances; absent: by the default rule (see `rolloutPauseMs`). */
  pauseMs?: number;
  minReadyMs: number;
  deadlineMs: number;
  onFailure: "revert" | "stop";
}

/** Defaults of every optional setting, in one place; `resolve` fills them in. */
export const specDefaults = {
  autorestart: true,
  maxRestarts: 15,
  minUptimeMs: 1000,
  restartDelayMs: 10,
  expBackoffRestartDelayMs: 0,
  killTimeoutMs: 5000,
  killSignal: "SIGTERM",
  waitReady: false,
  listenTimeoutMs: 10_000,
  maxConnectionAgeMs: 10_000,
  shutdownWithMessage: false,
  logMaxBytes: 10 * 1024 * 1024,
  logKeep: 5,
} as const;

/** Defaults of `[apps.x.rollout]`. */
export const rolloutDefaults = {
  minReadyMs: 0,
  deadlineMs: 60_000,
  onFailure: "revert",
} as const satisfies RolloutSettings;

/** Defaults of `[apps.x.health]`. */
export const healthDefaults = {
  intervalMs: 10_000,
  timeoutMs: 2000,
  failures: 3,
  gracePeriodMs: 0,
} as const;

/** Fields that velos applies itself or can change on a running unit: a change to them replaces no instance. */
const IN_PLACE = new Set<keyof AppSpec>([
  "maxRestarts",
  "minUptimeMs",
  "maxMemoryRestartBytes",
  "memoryMaxBytes",
  "cpuQuotaPercent",
  "tasksMax",
  "watch",
  "watchIgnore",
  "cronRestart",
  "logMaxBytes",
  "logKeep",
  "rollout",
]);

/** True for an app that is run by Node itself, so that the preload can help it. */
export const isNode = (spec: AppSpec): boolean => spec.interpreter === "node";

/** True when instances are started with the preload: it passes on the socket, tells readiness, and drains. */
export const hasPreload = (spec: AppSpec): boolean => isNode(spec) && (spec.listen.length > 0 || spec.waitReady);

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, member]) => member !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, member]) => [key, canonical(member)]),
    );
  }
  return value;
};

const hash = (value: unknown): string =>
  createHash("sha256")
    .update(JSON.stringify(canonical(value)))
    .digest("hex")
    .slice(0, 12);

/**
 * A short hash of the fields of a spec that cannot change in place: two instances with the same fingerprint were
 * started the same way. 12 hexadecimal digits; the order of keys does not matter.
 */
export const fingerprint = (spec: AppSpec): string =>
  hash(Object.fromEntries(Object.entries(spec).filter(([key]) => !IN_PLACE.has(key as keyof AppSpec))));

/** A short hash of the whole spec: equal exactly when nothing at all changed. */
export const specDigest = (spec: AppSpec): string => hash(spec);

/** True when an instance tells by itself that it is ready: by its own word, or the preload's when it listens. */
export const hasReadinessSignal = (spec: AppSpec): boolean =>
  spec.waitReady || (isNode(spec) && spec.listen.length > 0);

/**
 * The wait between two instances of a rollout: as configured, else none where the app says that it is ready, else
 * `kill_timeout + 2 s`, since nothing but time tells that the new instance works. A health check counts as saying so.
 */
export const rolloutPauseMs = (spec: AppSpec): number =>
  spec.rollout.pauseMs ?? (hasReadinessSignal(spec) || spec.health ? 0 : spec.killTimeoutMs + 2000);

/**
 * What a rollout of `wanted` instances may do at a time: how many may be out, and how many extra ones there may be. A
 * percentage is rounded down, as Kubernetes does for maxUnavailable. At least one of both is 1, so that a rollout always
 * ends.
 *
 * Where neither is set, instances that share a socket and say when they are ready get an extra one, which comes first: a
 * spec that does not come up is found out before anybody is touched. Then two can be replaced at a time and never fewer
 * than wanted − 1 serve, which is what Kubernetes' defaults come to (25 % of both).
 * Not so where the index is part of an address: the one after the last may be somebody else's.
 */
export const rolloutBudget = (spec: AppSpec, wanted: number): { maxUnavailable: number; surge: number } => {
  const { maxUnavailable: setting, surge: asked } = spec.rollout;
  if (setting === undefined && asked === undefined) {
    const mayShare = spec.listen.length > 0 && spec.incrementVar === undefined && hasReadinessSignal(spec);
    return { maxUnavailable: 1, surge: mayShare && wanted > 1 ? 1 : 0 };
  }
  const surge = asked ?? 0;
  const least = surge > 0 ? 0 : 1;
  const count =
    typeof setting === "string" ? Math.floor((Number.parseFloat(setting) * wanted) / 100) : (setting ?? least);
  return { maxUnavailable: Math.max(least, Math.min(count, wanted)), surge };
};
