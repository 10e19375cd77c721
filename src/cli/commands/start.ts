import { Command, Option } from "clipanion";
import type { AppInput } from "../../config/flags.ts";
import type { ResolvedApp } from "../../config/resolve.ts";
import type { Connection } from "../../client/connection.ts";
import type { AppView } from "../../controller/views.ts";
import { VelosError } from "../../domain/errors.ts";
import { Failures } from "../failures.ts";
import { withProgress } from "../progress.ts";
import { settledText } from "../settled.ts";
import { startApps } from "../start-apps.ts";
import { startOutcome } from "../start-outcome.ts";
import { readStartWords } from "../start-words.ts";
import { VelosCommand } from "../velos-command.ts";

export class StartCommand extends VelosCommand {
  static override paths = [["start"]];
  static override rest = "script|command|app";
  static override usage = Command.Usage({
    description: "start an app, or bring one to another spec or size",
    details: `
      A script is run by what its ending says (node, tsx, python3, ruby, sh), an executable by itself; a program on
      PATH, or a command line in quotes, as it is.

      An app of that name that runs with another spec is rolled to the new one, instance by instance. One that was
      stopped is started again: \`velos start api\`, \`velos start api:2\`.
    `,
    examples: [
      ["four instances", "velos start server.js --name api -i 4"],
      ["arguments go behind --", "velos start worker.py -- --queue mail"],
      ["a command", 'velos start "python3 -m http.server 8000"'],
      ["what velos.toml says", "velos start -c velos.toml --env production"],
      ["what was stopped", "velos start api"],
    ],
  });

  name = Option.String("-n,--name", { description: "name of the app (the script's)" });
  instances = Option.String("-i,--instances", { description: "how many (1); max: one per processor" });
  config = Option.String("-c,--config,-f,--file", { description: "start the apps of a velos.toml" });
  only = Option.String("--only", { description: "only these apps of the file" });
  envFlags = Option.Array("-e,--env", [], { description: "a variable; a NAME alone is a profile of velos.toml" });
  envFile = Option.Array("--env-file", [], {
    description: "variables from a file; kept out of systemctl show",
  });
  inheritEnv = Option.Boolean("--inherit-env", { description: "your whole environment, as pm2 has it" });
  listen = Option.Array("--listen", [], { description: "[host:]port or path, shared by all instances (repeatable)" });
  cwd = Option.String("--cwd", { description: "working directory" });
  interpreter = Option.String("--interpreter", { description: "what runs the script; none: the script itself" });
  interpreterArgs = Option.Array("--interpreter-args", [], {
    description: "an argument for it (repeatable)",
  });
  uid = Option.String("--uid", { description: "user to run as (system scope)" });
  gid = Option.String("--gid", { description: "group to run as (system scope)" });
  sandbox = Option.String("--sandbox", { description: "what it may see and do: strict, default or none" });
  autorestart = Option.Boolean("--autorestart", {
    description: "restart what ends (yes); or --no-autorestart",
  });
  maxRestarts = Option.String("--max-restarts", { description: "restarts in a row before velos gives up (15)" });
  minUptime = Option.String("--min-uptime", { description: "a run this long is stable (1s)" });
  restartDelay = Option.String("--restart-delay", { description: "wait before a restart (10ms)" });
  expBackoff = Option.String("--exp-backoff-restart-delay", {
    description: "first wait of a doubling one (systemd 254 on)",
  });
  killTimeout = Option.String("--kill-timeout", { description: "time to stop before SIGKILL (5s)" });
  killSignal = Option.String("--kill-signal", { description: "signal that asks to stop (SIGTERM)" });
  waitReady = Option.Boolean("--wait-ready", { description: "the app says when it is ready" });
  listenTimeout = Option.String("--listen-timeout", { description: "time to get ready with --wait-ready (10s)" });
  stopExitCodes = Option.Array("--stop-exit-codes", [], {
    description: "exit code after which not to restart (repeatable)",
  });
  maxMemory = Option.String("--max-memory", { description: "restart an instance above this memory (300M)" });
  memoryMax = Option.String("--memory-max", { description: "the kernel's hard limit on memory (512M)" });
  cpuQuota = Option.String("--cpu-quota", { description: "processor time, 100% is one processor" });
  tasksMax = Option.String("--tasks-max", { description: "limit on processes and threads" });
  watch = Option.String("--watch", {
    tolerateBoolean: true,
    description: "restart when files change: in DIR of --cwd, or in PATHS",
  });
  watchIgnore = Option.Array("--watch-ignore", [], { description: "what --watch does not look at (repeatable)" });
  cronRestart = Option.String("--cron-restart", { description: "restart on a schedule: '0 3 * * *'" });
  instanceVar = Option.String("--instance-var", { description: "variable that gets the index" });
  incrementVar = Option.String("--increment-var", { description: "variable that grows by the index" });
  dryRun = Option.Boolean("--dry-run", false, {
    description: "print what systemd would be asked for, do nothing; with --json what velosd would",
  });

  words = Option.Rest({ name: "script" });

  override async execute(): Promise<number> {
    if (this.only !== undefined && this.config === undefined) {
      throw new VelosError("USAGE", { why: "--only picks apps of a file", hint: "name the file: --config velos.toml" });
    }
    if (this.config === undefined && this.context.behindDashes.length === 0) this.words.forEach(refuseConfig);
    if (this.config === undefined && (await this.#namesApps())) return this.#resume();
    const apps = await this.prepare(this.runsBySystemd);
    return this.dryRun ? this.#showDryRun(apps) : this.#start(apps);
  }

  /** The apps that the words, flags and file are about. */
  protected async prepare(isForSystemd = false): Promise<ResolvedApp[]> {
    const { prepareApps } = await import("../prepare-apps.ts");
    return prepareApps({
      terminal: this.terminal,
      places: this.places,
      envFlags: this.envFlags,
      isForSystemd,
      warn: (line) => this.note(line),
      ...(this.config === undefined
        ? { flags: { input: this.#input(), name: this.name } }
        : { file: this.#file(this.config) }),
    });
  }

  async #showDryRun(apps: readonly ResolvedApp[]): Promise<number> {
    const { dryRunJson, dryRunUnits } = await import("../dry-run.ts");
    if (this.runsBySystemd && !this.json) this.print((await dryRunUnits(apps, this.places)).trimEnd());
    else this.printJson(dryRunJson(apps));
    return 0;
  }

  async #start(apps: readonly ResolvedApp[]): Promise<number> {
    return this.withDaemon(async (daemon) => {
      const views: (AppView & { outcome: string })[] = [];
      const lines: string[] = [];
      const failures = new Failures(this.terminal, this.json);
      for await (const started of startApps(this.terminal, daemon, apps)) {
        if ("error" in started) {
          if (this.config === undefined) throw started.error;
          await failures.add(daemon, started);
          continue;
        }
        views.push({ ...started.app, outcome: started.outcome });
        lines.push(startOutcome(started));
      }
      this.#show(views, lines, failures);
      return failures.exitCode;
    });
  }

  async #resume(): Promise<number> {
    return this.withDaemon(async (daemon) => {
      const ran = await this.#running(daemon);
      const { apps } = await withProgress(this.terminal, daemon, () =>
        daemon.call("resume", { selectors: this.words }),
      );
      const views = apps.map(
        (app) =>
          ({
            ...app,
            outcome: app.processes.every(({ name, pid }) => ran.get(name) === pid) ? "unchanged" : "resumed",
          }) as const,
      );
      this.#show(
        views,
        views.map((app) => startOutcome({ app, outcome: app.outcome })),
      );
      return 0;
    });
  }

  async #running(daemon: Connection): Promise<Map<string, number | undefined>> {
    const { apps } = await daemon.call("list", {});
    return new Map(apps.flatMap(({ processes }) => processes.map(({ name, pid }) => [name, pid])));
  }

  #show(apps: readonly AppView[], lines: readonly string[], failures?: Failures): void {
    if (this.json) this.printJson({ ...failures?.toJson(), apps });
    else if (apps.length > 0) this.print([...lines, settledText(apps, this.style, this.width)].join("\n"));
  }

  /** True when the words name apps that exist, which are to be started again. */
  async #namesApps(): Promise<boolean> {
    if (this.name !== undefined || this.dryRun || this.context.behindDashes.length > 0) return false;
    const list = (): Promise<string[]> =>
      this.withDaemon(async (daemon) => (await daemon.call("list", {})).apps.map(({ name }) => name));
    if ((await readStartWords(this.words, this.cwd ?? this.terminal.cwd(), list)) === "program") return false;
    const said = [...Object.keys(this.#flags()), ...(this.envFlags.length > 0 ? ["env"] : [])];
    if (said.length === 0) return true;
    const [app] = this.words;
    const isScale = said.length === 1 && this.instances !== undefined;
    throw new VelosError("USAGE", {
      why: `${app} exists already, and is started as it is`,
      hint: isScale
        ? `velos scale ${app} ${this.instances}`
        : `to change it, say what it runs as well: velos start <script> --name ${app} …; ${said.join(", ")} ${said.length === 1 ? "was" : "were"} not taken`,
    });
  }

  #file(path: string): { path: string; only: string | undefined } {
    if (this.words.length === 0) return { path, only: this.only };
    throw new VelosError("USAGE", {
      why: "a script and --config exclude each other",
      hint: "--only picks apps of the file",
    });
  }

  /** What is to run: `velos start server.js -- args`, or `velos start -- program args`. */
  #program(): AppInput {
    const [script, extra] = this.words;
    const behind = this.context.behindDashes;
    if (extra !== undefined) {
      const hint = `arguments go behind --: velos start ${script} -- ${this.words.slice(1).join(" ")}`;
      throw new VelosError("USAGE", { why: `'${extra}' is one script too many`, hint });
    }
    if (script !== undefined) return { script, args: list(behind) };
    if (behind.length > 0) return { command: [...behind] };
    throw new VelosError("USAGE", {
      why: "nothing to start",
      hint: "name a script, a command, an app that was stopped, or --config velos.toml",
    });
  }

  /** The flags as the keys of velos.toml that they are. */
  #input(): AppInput {
    return { ...this.#program(), ...this.#flags() };
  }

  #flags(): AppInput {
    const written: AppInput = {
      instances: this.instances,
      listen: list(this.listen),
      cwd: this.cwd,
      interpreter: this.interpreter,
      interpreter_args: list(this.interpreterArgs),
      user: this.uid,
      group: this.gid,
      sandbox: this.sandbox,
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
      watch: typeof this.watch === "string" ? this.watch.split(",") : this.watch,
      watch_ignore: list(this.watchIgnore),
      cron_restart: this.cronRestart,
      instance_var: this.instanceVar,
      increment_var: this.incrementVar,
      env_file: list(this.envFile),
      inherit_env: this.inheritEnv,
    };
    return Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined));
  }
}

/**
 * What describes apps is not run as one: it would end at once, again and again. Whoever means it says so with `--`.
 * @throws VelosError USAGE
 */
const refuseConfig = (script: string): void => {
  if (/\.toml$/.test(script))
    throw new VelosError("USAGE", { why: `${script} describes apps`, hint: `velos start --config ${script}` });
  if (/\.config\.[cm]?js$|\.(?:json|ya?ml)$/.test(script)) {
    const hint = `\`velos import ${script}\` writes a velos.toml of what pm2 reads; \`velos start -- node ${script}\` runs it`;
    throw new VelosError("USAGE", { why: `${script} looks like a file that describes apps`, hint });
  }
};

/** A flag that may be repeated, absent when it was not given. */
const list = (values: readonly string[]): readonly string[] | undefined => (values.length > 0 ? values : undefined);
