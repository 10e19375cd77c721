import type { HealthCheck, RolloutSettings, SystemdValue } from "../domain/app.ts";
import type { ListenAddress } from "../domain/listen.ts";
import type { Quantity } from "../domain/quantity.ts";
import type { Credential, Sandbox } from "../domain/sandbox.ts";

/**
 * The settings of one app as somebody wrote them, every value parsed and in range, nothing looked up yet: which
 * program a script means and which environment it gets is decided by `resolveApp`. What was not written is absent.
 */
export interface AppSettings {
  /** A file, a program on PATH, or a command line, as written. */
  script?: string;
  /** Program and arguments, instead of a script. */
  command?: string[];
  args?: string[];
  instances?: Quantity;
  /** Absolute. */
  cwd?: string;
  /** A name or a path; `none` runs the script itself. */
  interpreter?: string;
  interpreterArgs?: string[];
  user?: string;
  group?: string;
  sandbox?: Partial<Sandbox>;
  /** Paths are absolute. */
  credentials?: Record<string, Credential>;

  autorestart?: boolean;
  maxRestarts?: number;
  minUptimeMs?: number;
  restartDelayMs?: number;
  expBackoffRestartDelayMs?: number;
  killTimeoutMs?: number;
  killSignal?: string;
  waitReady?: boolean;
  listenTimeoutMs?: number;
  stopExitCodes?: number[];

  listen?: ListenAddress[];
  maxConnectionAgeMs?: number;
  shutdownWithMessage?: boolean;
  health?: Partial<HealthCheck>;

  maxMemoryRestartBytes?: number;
  memoryMaxBytes?: number;
  cpuQuotaPercent?: number;
  tasksMax?: number;

  /** True: the working directory. Paths are as written, relative to the working directory. */
  watch?: boolean | string[];
  watchIgnore?: string[];
  cronRestart?: string;

  instanceVar?: string;
  incrementVar?: string;
  env?: Record<string, string>;
  /** The tables `env_<profile>` by the profile's name. */
  profiles?: Record<string, Record<string, string>>;
  /** Absolute; a later file wins. */
  envFile?: string[];
  inheritEnv?: boolean;

  logMaxBytes?: number;
  logKeep?: number;

  rollout?: Partial<RolloutSettings>;
  systemd?: Record<string, SystemdValue>;
}

/** One app that is to be resolved: its settings and where they come from. */
export interface AppDraft {
  /** As given; absent: made of the script's or the program's name. */
  name?: string;
  settings: AppSettings;
  /** Absolute directory that relative paths start from: that of velos.toml, or the caller's working directory. */
  baseDir: string;
  /**
   * Where a setting was written, by its key in velos.toml: `velos.toml:12:3`, or the flag, `--kill-timeout`.
   * @param inner a key of the table that the setting is
   */
  where: (key: string, inner?: string) => string;
}

/** The beginning of a message about a setting: `velos.toml:12:3: `; nothing for a flag, whose value says enough. */
export const placePrefix = (draft: AppDraft, key: string): string => {
  const where = draft.where(key);
  return where.startsWith("--") ? "" : `${where}: `;
};
