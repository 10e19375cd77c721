import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Command, Option } from "clipanion";
import type { AppInput } from "../../config/flags.ts";
import { appFromFlags, splitEnvFlags } from "../../config/flags.ts";
import { resolveApps } from "../../config/resolve.ts";
import type { AppDraft } from "../../config/settings.ts";
import type { AppView } from "../../controller/views.ts";
import { isAppName } from "../../domain/app-name.ts";
import { VelosError } from "../../domain/errors.ts";
import type { Quantity } from "../../domain/quantity.ts";
import { withProgress } from "../progress.ts";
import { resolveContext } from "../resolve-context.ts";
import { settledText } from "../settled.ts";
import { VelosCommand } from "../velos-command.ts";

export class StartCommand extends VelosCommand {
  static override paths = [["start"]];
  static override usage = Command.Usage({
    description: "start an app, or bring one to another spec or size",
    details:
      "A script is run by what its ending says (node, tsx, python3, ruby, sh), an executable by itself, and a program on PATH\nor a command line in quotes as it is. An app of that name that runs with another spec is rolled to the new one, instance\nby instance; one that was stopped is started again: `velos start api`, `velos start api:2`.",
    examples: [
      ["four instances of one app", "velos start server.js --name api -i 4"],
      ["arguments go behind --", "velos start worker.py -- --queue mail"],
      ["what velos.toml says", "velos start --config velos.toml --env production"],
      ["start again what was stopped", "velos start api"],
    ],
  });

  name = Option.String("-n,--name", { description: "name of the app; default: the script's" });
  instances = Option.String("-i,--instances", { description: "how many, or max: one per processor" });
  config = Option.String("-c,--config", { description: "start the apps of a velos.toml" });
  only = Option.String("--only", { description: "of the file, only these apps: a,b" });
  envFlags = Option.Array("-e,--env", [], { description: "NAME=VALUE, a variable; or NAME, a profile of velos.toml" });
  envFile = Option.Array("--env-file", [], {
    description: "read variables from a file; they stay out of systemctl show",
  });
  inheritEnv = Option.Boolean("--inherit-env", { description: "add your whole environment, as pm2 does" });
  listen = Option.Array("--listen", [], { description: "[host:]port or path held open and shared by the instances (repeatable)" });
  cwd = Option.String("--cwd", { description: "working directory" });
  interpreter = Option.String("--interpreter", { description: "what runs the script; none: the script itself" });
  interpreterArgs = Option.Array("--interpreter-args", [], {
    description: "an argument of the interpreter (repeatable)",
  });
  uid = Option.String("--uid", { description: "user to run as (system scope)" });
  gid = Option.String("--gid", { description: "group to run as (system scope)" });
  autorestart = Option.Boolean("--autorestart", {
    description: "--no-autorestart: do not restart an instance that ends",
  });
  maxRestarts = Option.String("--max-restarts", { description: "restarts in a row before velos gives up (15)" });
  minUptime = Option.String("--min-uptime", { description: "a run this long is stable (1s)" });
  restartDelay = Option.String("--restart-delay", { description: "wait before a restart (10ms)" });
  expBackoff = Option.String("--exp-backoff-restart-delay", { description: "first wait of a doubling one" });
  killTimeout = Option.String("--kill-timeout", { description: "time to stop before SIGKILL (5s)" });
  killSignal = Option.String("--kill-signal", { description: "signal that asks to stop (SIGTERM)" });
  waitReady = Option.Boolean("--wait-ready", { description: "the app says when it is ready" });
  listenTimeout = Option.String("--listen-timeout", { description: "time to get ready with --wait-ready (10s)" });
  stopExitCodes = Option.Array("--stop-exit-codes", [], {
    description: "an exit code after which not to restart (repeatable)",
  });
  maxMemory = Option.String("--max-memory", { description: "restart an instance above this memory (300M)" });
  memoryMax = Option.String("--memory-max", { description: "the kernel's hard limit on memory (512M)" });
  cpuQuota = Option.String("--cpu-quota", { description: "processor time, 100% is one processor" });
  tasksMax = Option.String("--tasks-max", { description: "limit on processes and threads" });
  watch = Option.String("--watch", {
    tolerateBoolean: true,
    description: "restart when files change: in the working directory, or --watch=src,lib",
  });
  watchIgnore = Option.Array("--watch-ignore", [], { description: "what --watch does not look at (repeatable)" });
  cronRestart = Option.String("--cron-restart", { description: "restart on a schedule: '0 3 * * *'" });
  instanceVar = Option.String("--instance-var", { description: "variable that gets the index" });
  incrementVar = Option.String("--increment-var", { description: "variable that grows by the index" });
  dryRun = Option.Boolean("--dry-run", false, { description: "print what would be asked of systemd, and do nothing" });

  words = Option.Rest({ name: "script" });

  override async execute(): Promise<number> {
    if (this.config !== undefined) return this.#startApps(await this.#fromFile(this.config));
    const selectors = await this.#asSelectors();
    if (selectors !== undefined) return this.#resume(selectors);
    return this.#startApps([await this.#fromFlags()]);
  }

  async #startApps(drafts: readonly AppDraft[]): Promise<number> {
    const { profile } = splitEnvFlags(this.envFlags);
    const apps = await resolveApps(drafts, await resolveContext(this.terminal, this.scope, profile));
    if (this.dryRun) {
      const { dryRunText } = await import("../dry-run.ts");
      this.print(dryRunText(apps));
      return 0;
    }
    return this.withDaemon(async (daemon) => {
      const views: AppView[] = [];
      const remarks: string[] = [];
      for (const { spec, instances, instancesGiven } of apps) {
        const count = instancesGiven ? { instances: quantityText(instances) } : {};
        const { app, outcome } = await withProgress(this.terminal, daemon, () =>
          daemon.call("start", { spec, ...count }),
        );
        views.push(app);
        if (outcome !== "created") remarks.push(this.style.dim(`${app.name}: ${OUTCOMES[outcome]}`));
      }
      if (this.json) this.printJson({ apps: views });
      else this.print([settledText(views, this.style, this.terminal.stdout.columns ?? 80), ...remarks].join("\n"));
      return 0;
    });
  }

  async #resume(selectors: readonly string[]): Promise<number> {
    return this.withDaemon(async (daemon) => {
      const { apps } = await withProgress(this.terminal, daemon, () =>
        daemon.call("resume", { selectors: [...selectors] }),
      );
      if (this.json) this.printJson({ apps });
      else this.print(settledText(apps, this.style, this.terminal.stdout.columns ?? 80));
      return 0;
    });
  }

  async #fromFile(path: string): Promise<AppDraft[]> {
    if (this.words.length > 0) {
      throw new VelosError("USAGE", {
        why: "a script and --config exclude each other",
        hint: "--only picks apps of the file",
      });
    }
    const { loadConfig, selectApps } = await import("../../config/load.ts");
    const isScopeConfig = resolve(this.terminal.cwd(), path) === this.places.config;
    const config = await loadConfig(path, this.terminal.cwd(), { isScopeConfig });
    return this.only === undefined ? config.apps : selectApps(config, this.only.split(","));
  }

  async #fromFlags(): Promise<AppDraft> {
    const [script] = this.words;
    if (script === undefined) {
      throw new VelosError("USAGE", {
        why: "nothing to start",
        hint: "name a script, a command, an app that was stopped, or --config velos.toml",
      });
    }
    if (this.words.length > 1) {
      throw new VelosError("USAGE", {
        why: `'${this.words[1]}' is one script too many`,
        hint: `arguments go behind --: velos start ${script} -- ${this.words.slice(1).join(" ")}`,
      });
    }
    const { env } = splitEnvFlags(this.envFlags);
    return appFromFlags(this.#settings(script, env), this.terminal.cwd(), this.name);
  }

  #settings(script: string, env: Record<string, string>): AppInput {
    const list = (values: readonly string[]): readonly string[] | undefined => (values.length > 0 ? values : undefined);
    const watch = typeof this.watch === "string" ? this.watch.split(",") : this.watch;
    const written: AppInput = {
      script,
      args: list(this.context.behindDashes),
      instances: this.instances,
      listen: list(this.listen),
      cwd: this.cwd,
      interpreter: this.interpreter,
      interpreter_args: list(this.interpreterArgs),
      user: this.uid,
      group: this.gid,
      autorestart: this.autorestart,
      max_restarts: this.maxRestarts,
      min_uptime: this.minUptime,
      restart_delay: this.restartDelay,
      exp_backoff_restart_delay: this.expBackoff,
      kill_timeout: this.killTimeout,
      kill_signal: this.killSignal,
      wait_ready: this.waitReady,
      listen_timeout: this.listenTimeout,
      stop_exit_codes: list(this.stopExitCodes),
      max_memory_restart: this.maxMemory,
      memory_max: this.memoryMax,
      cpu_quota: this.cpuQuota,
      tasks_max: this.tasksMax,
      watch,
      watch_ignore: list(this.watchIgnore),
      cron_restart: this.cronRestart,
      instance_var: this.instanceVar,
      increment_var: this.incrementVar,
      env: Object.keys(env).length > 0 ? env : undefined,
      env_file: list(this.envFile),
      inherit_env: this.inheritEnv,
    };
    return Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined));
  }

  /**
   * The words as selectors of apps that exist, or undefined when they name something to run. A file of that name comes
   * first; `all`, `api:2` and patterns can only be selectors.
   */
  async #asSelectors(): Promise<string[] | undefined> {
    const words = this.words;
    if (words.length === 0 || this.name !== undefined || this.context.behindDashes.length > 0) return undefined;
    const cwd = resolve(this.terminal.cwd(), this.cwd ?? ".");
    if (words.some((word) => existsSync(resolve(cwd, word)))) return undefined;
    if (words.every((word) => /^(all|[^/\s]+:\d+|[^/\s]*[*?][^/\s]*)$/.test(word))) return words;
    if (!words.every((word) => isAppName(word.split(":")[0]!))) return undefined;
    if (this.dryRun) return undefined;
    const known = await this.withDaemon(async (daemon) => (await daemon.call("list", {})).apps.map(({ name }) => name));
    if (!words.every((word) => known.includes(word.split(":")[0]!))) return undefined;
    if (this.instances !== undefined) {
      throw new VelosError("USAGE", {
        why: `${words[0]} exists already`,
        hint: `velos scale ${words[0]} ${this.instances}`,
      });
    }
    return words;
  }
}

const OUTCOMES = {
  created: "started",
  resumed: "started again",
  unchanged: "runs already as asked",
  updated: "brought to the new spec",
} as const;

const quantityText = (quantity: Quantity): string =>
  quantity.kind === "exact"
    ? String(quantity.count)
    : quantity.kind === "max"
      ? "max"
      : `${quantity.by > 0 ? "+" : ""}${quantity.by}`;
