import type { HealthCheck, RolloutSettings } from "../domain/app.ts";
import type { Sandbox } from "../domain/sandbox.ts";
import { sandboxProfiles } from "../domain/sandbox.ts";
import { cronExpression } from "./cron.ts";
import { systemdProperties, variableName, variables } from "./environment-kinds.ts";
import { instanceCount, instanceShare } from "./instance-kinds.ts";
import { listenAddress } from "./listen-kind.ts";
import type { Kind } from "./kinds.ts";
import { cpuPercent, duration, flag, integer, oneOf, path, signal, size, text } from "./kinds.ts";
import { commandWords, list, watchList, words } from "./list-kinds.ts";
import { capability, credentials } from "./sandbox-kinds.ts";
import type { AppSettings } from "./settings.ts";

/** A key that works. `example` and `standard` (the default) are literals of TOML. */
export interface Key<S, F extends keyof S = keyof S> {
  field: F;
  kind: Kind<NonNullable<S[F]>>;
  doc: string;
  example: string;
  standard?: string;
  /** The flag of `velos start`, where it is not the key with dashes. */
  flag?: string;
  /** What other process managers call it: found by "did you mean". */
  aliases?: readonly string[];
}

/** A table within the table. */
export interface SubTable<S, F extends keyof S = keyof S> {
  field: F;
  table: KeyTable<NonNullable<S[F]>>;
  doc: string;
  /** The key that a single value in the table's place stands for. */
  short?: string;
}

export type KeyTable<S> = Readonly<Record<string, AnyKey<S>>>;
export type AnyKey<S> = { [F in keyof S]-?: Key<S, F> | SubTable<S, F> }[keyof S];

type More = Pick<Key<never>, "standard" | "flag" | "aliases">;

/** Makes the keys of one table; the fields are those of `S`. */
export const keyOf =
  <S>() =>
  <F extends keyof S>(
    field: F,
    kind: Kind<NonNullable<S[F]>>,
    example: string,
    doc: string,
    more: More = {},
  ): Key<S, F> => ({
    field,
    kind,
    example,
    doc,
    ...more,
  });

const rolloutKey = keyOf<Partial<RolloutSettings>>();

/** The keys of `[apps.<name>.rollout]`. */
// prettier-ignore
export const rolloutKeys = {
  max_unavailable: rolloutKey("maxUnavailable", instanceShare, "1", "instances that may be out at a time: a number or a percentage; default: 1, or 0 with a surge that is set"),
  surge: rolloutKey("surge", integer(0, 1000), "1", "extra instances meanwhile; default: 1 where instances share a socket and say when they are ready"),
  pause: rolloutKey("pauseMs", duration(), '"2s"', "wait between two instances; default: none with a readiness signal, else kill_timeout + 2s"),
  min_ready: rolloutKey("minReadyMs", duration(), '"1s"', "how long an instance must stay ready to count as back", { standard: '"0"' }),
  deadline: rolloutKey("deadlineMs", duration(1), '"60s"', "time an instance has to get ready before the rollout stops", { standard: '"60s"' }),
  on_failure: rolloutKey("onFailure", oneOf("revert", "stop"), '"revert"', "what becomes of a rollout that stopped", { standard: '"revert"' }),
} satisfies KeyTable<Partial<RolloutSettings>>;

const healthKey = keyOf<Partial<HealthCheck>>();

/** The keys of `[apps.<name>.health]`. */
// prettier-ignore
export const healthKeys = {
  http: healthKey("http", text("a path or a URL"), '"/healthz"', "path on the instance's own server, or a URL; {PORT} is a variable of the instance"),
  tcp: healthKey("tcp", text("host:port"), '"127.0.0.1:{PORT}"', "address that must take a connection; {PORT} is a variable of the instance"),
  command: healthKey("command", commandWords, '["./check.sh"]', "program that must exit with 0, run in the instance's directory with its environment"),
  interval: healthKey("intervalMs", duration(100), '"10s"', "time between two checks", { standard: '"10s"' }),
  timeout: healthKey("timeoutMs", duration(1), '"2s"', "time a check may take", { standard: '"2s"' }),
  failures: healthKey("failures", integer(1, 1000), "3", "failures in a row after which the instance is restarted", { standard: "3" }),
  grace_period: healthKey("gracePeriodMs", duration(), '"30s"', "how long after a start failures do not count, unless it was well already", { standard: '"0"' }),
} satisfies KeyTable<Partial<HealthCheck>>;

const sandboxKey = keyOf<Partial<Sandbox>>();
const paths = list("a path or an array of paths", path("a path"));

/** The keys of `[apps.<name>.sandbox]`. */
// prettier-ignore
export const sandboxKeys = {
  profile: sandboxKey("profile", oneOf(...sandboxProfiles), '"strict"', 'what an instance may see and do; default: "default" in the system scope, "none" in the user scope'),
  write: sandboxKey("write", paths, '["/srv/api/uploads"]', "paths that it may write, besides its state directory"),
  read: sandboxKey("read", paths, '["/home/shared/fonts"]', "paths that it must see where the profile hides them (below /home, /root, /run/user, /tmp)"),
  hide: sandboxKey("hide", paths, '["/srv/other"]', "paths that are not there for it"),
  network: sandboxKey("network", flag, "false", "false: no network but the addresses of listen", { standard: "true" }),
  devices: sandboxKey("devices", flag, "true", "devices other than the likes of /dev/null; default: not with strict"),
  private_tmp: sandboxKey("privateTmp", flag, "false", "a /tmp and /var/tmp of its own; default: with strict"),
  new_privileges: sandboxKey("newPrivileges", flag, "false", "what it executes may gain rights, as sudo does; default: not with strict"),
  capabilities: sandboxKey("capabilities", list("an array of capabilities", capability), '["CAP_NET_BIND_SERVICE"]', "all the capabilities it has; default: none with strict, those of a container with default"),
  write_execute: sandboxKey("writeExecute", flag, "false", "memory both writable and executable, which Node, Java and all that compile at run time need", { standard: "true" }),
} satisfies KeyTable<Partial<Sandbox>>;

const key = keyOf<AppSettings>();

/**
 * The keys of `[apps.<name>]`, and with dashes instead of `_` the flags of `velos start`: read, suggested and
 * documented from here. The tables `env_<profile>` are read like `env`.
 */
// prettier-ignore
export const appKeys = {
  script: key("script", text("a file, a program or a command line"), '"server.js"', "what to run: a file, a program on PATH, or a command line"),
  command: key("command", commandWords, '["python3", "-m", "http.server"]', "program and arguments, instead of script"),
  args: key("args", words, '["--port", "3000"]', "arguments, passed unchanged"),
  instances: key("instances", instanceCount, "4", 'how many instances, or "max" for one per processor', { standard: "1", aliases: ["count", "replicas"] }),
  cwd: key("cwd", path("a path"), '"/srv/api"', "working directory; default: that of velos.toml, else the caller's", { aliases: ["working_directory"] }),
  interpreter: key("interpreter", text("a program's name or path"), '"node"', 'what runs the script; default: by its ending; "none": the script itself', { aliases: ["exec_interpreter"] }),
  interpreter_args: key("interpreterArgs", words, '["--enable-source-maps"]', "arguments of the interpreter", { aliases: ["node_args"] }),
  user: key("user", text("a user's name"), '"www-data"', "user to run as; default: that of the scope", { flag: "--uid", aliases: ["uid"] }),
  group: key("group", text("a group's name"), '"www-data"', "group to run as; default: the user's", { flag: "--gid", aliases: ["gid"] }),

  autorestart: key("autorestart", flag, "true", "restart an instance that ended", { standard: "true" }),
  max_restarts: key("maxRestarts", integer(0, 1_000_000), "15", "restarts in a row after runs shorter than min_uptime before velos gives up", { standard: "15" }),
  min_uptime: key("minUptimeMs", duration(), '"1s"', "a run at least this long counts as stable", { standard: '"1s"' }),
  restart_delay: key("restartDelayMs", duration(), '"100ms"', "wait before a restart", { standard: '"10ms"' }),
  exp_backoff_restart_delay: key("expBackoffRestartDelayMs", duration(), '"100ms"', "first wait of a doubling one (before systemd 254 all are as long); 0: always restart_delay", { standard: '"0"' }),
  kill_timeout: key("killTimeoutMs", duration(1), '"5s"', "time to stop by itself after kill_signal, before SIGKILL", { standard: '"5s"' }),
  kill_signal: key("killSignal", signal, '"SIGTERM"', "signal that asks an instance to stop", { standard: '"SIGTERM"' }),
  wait_ready: key("waitReady", flag, "true", "the app says when it is ready: READY=1 or process.send('ready')", { standard: "false" }),
  listen_timeout: key("listenTimeoutMs", duration(1), '"10s"', "time to get ready with wait_ready", { standard: '"10s"' }),
  stop_exit_codes: key("stopExitCodes", list("an array of exit codes", integer(0, 255)), "[0]", "exit codes after which an instance is not restarted", { standard: "[]" }),

  max_memory_restart: key("maxMemoryRestartBytes", size(1024 ** 2), '"300M"', "memory above which an instance is restarted gracefully", { flag: "--max-memory" }),
  memory_max: key("memoryMaxBytes", size(1024 ** 2), '"512M"', "the kernel's hard limit on memory"),
  cpu_quota: key("cpuQuotaPercent", cpuPercent, '"150%"', "processor time, 100% is one processor"),
  tasks_max: key("tasksMax", integer(1, 4_194_304), "512", "limit on processes and threads"),

  watch: key("watch", watchList, '["src"]', "paths whose change restarts the app; true: the working directory"),
  watch_ignore: key("watchIgnore", list("an array of names or patterns", text("a name or pattern")), '["node_modules"]', "what watch does not look at", { standard: '["node_modules", ".git"]', aliases: ["ignore_watch"] }),
  cron_restart: key("cronRestart", cronExpression, '"0 3 * * *"', "when to restart, as a cron expression", { aliases: ["cron"] }),

  listen: key("listen", list("an array of addresses", listenAddress), '["127.0.0.1:3000"]', "addresses held open for the app and shared by its instances"),
  max_connection_age: key("maxConnectionAgeMs", duration(), '"1m"', "Node: how long an idle connection still counts when connections are spread over the instances; 0: not spread", { standard: '"10s"' }),
  shutdown_with_message: key("shutdownWithMessage", flag, "true", "Node: send the app the message 'shutdown' when it is to stop", { standard: "false" }),
  health: { field: "health", table: healthKeys, doc: "how to ask an instance whether it is well" },

  instance_var: key("instanceVar", variableName, '"INSTANCE"', "variable that gets the instance's number, besides VELOS_INSTANCE_ID"),
  increment_var: key("incrementVar", variableName, '"PORT"', "variable that grows by the instance's number"),
  env: key("env", variables, '{ PORT = "3000" }', "environment variables; env_<profile>: those of a profile"),
  env_file: key("envFile", list("a path or an array of paths", path("a path")), '".env"', "files of variables, kept out of systemctl show"),
  inherit_env: key("inheritEnv", flag, "true", "start from the caller's whole environment", { standard: "false" }),

  log_max_size: key("logMaxBytes", size(4096), '"10M"', "without systemd: size at which a log file is rotated", { standard: '"10M"', aliases: ["max_size"] }),
  log_keep: key("logKeep", integer(0, 1000), "5", "without systemd: rotated log files to keep", { standard: "5", aliases: ["retain"] }),

  rollout: { field: "rollout", table: rolloutKeys, doc: "how instances are replaced" },
  systemd: key("systemd", systemdProperties, "{ IOWeight = 50 }", "properties of systemd, passed through"),

  sandbox: { field: "sandbox", table: sandboxKeys, doc: "what an instance may see and do", short: "profile" },
  credentials: key("credentials", credentials, '{ db = "/etc/velos/db.key" }', 'secrets in $CREDENTIALS_DIRECTORY/<name>: a file, { text = "…" } or { encrypted = "file" }'),
} satisfies KeyTable<AppSettings>;

/** A key of `[apps.<name>]`. */
export type AppKey = keyof typeof appKeys;

/** The flag of `velos start` that sets a key: `--kill-timeout`. */
export const flagOf = (name: string): string => {
  const entry: AnyKey<AppSettings> | undefined = Object.hasOwn(appKeys, name) ? appKeys[name as AppKey] : undefined;
  return (entry && "flag" in entry ? entry.flag : undefined) ?? `--${name.replaceAll("_", "-")}`;
};
