/**
 * What hands know from other tools (pm2, docker, kubectl, systemctl) and velos calls otherwise: the word, and the hint
 * to whoever writes it. A word that is near one of velos's own by its letters alone would else be taken for that:
 * `top` for `stop`.
 */
export const commandHints: Readonly<Record<string, string>> = {
  attach: "`velos logs <app> -f` follows what it writes",
  backward: "`velos rollout undo <app>`",
  cleardump: "nothing is dumped: what was deleted does not come back",
  conf: "settings are in velos.toml; `velos describe <app>` shows those of an app",
  daemon: "velosd starts by itself, at boot after `velos startup`",
  dash: "`velos monit` in the terminal, `velos api` for the dashboard",
  dashboard: "`velos api` serves it; `velos monit` is one in the terminal",
  deploy: "velos copies no files; `velos --host user@server apply -f velos.toml` applies them there",
  desc: "`velos describe <app>`",
  disable: "`velos unstartup`: from then on apps do not start at boot",
  down: "`velos stop all` stops them, `velos delete all` forgets them, too",
  dump: "nothing has to be saved: what was started is remembered; `velos startup` has it come back at boot",
  ecosystem: "`velos import ecosystem.config.js` writes a velos.toml",
  enable: "`velos startup`: from then on what runs starts at boot",
  events: "`velos list --watch` shows what changes; `velos api` sends events over its WebSocket",
  flush: "logs are the journal's: `journalctl --vacuum-time=7d`",
  follow: "`velos logs <app> -f`",
  gracefulReload: "`velos reload <app>`",
  id: "apps and instances have names: `velos list`",
  init: "`velos start app.js` needs no file; `velos import` writes a velos.toml from what there is",
  inspect: "`velos describe <app> --json`",
  install: "there are no modules: logs, metrics and traces are built in",
  jlist: "`velos list --json`",
  link: "nothing is sent to anybody: `velos api` and `velos metrics` serve what there is",
  login: "there is no account: `velos api` serves the dashboard",
  pid: "`velos list --json`",
  plan: "`velos apply --dry-run`",
  plus: "nothing is sent to anybody: `velos api` serves the dashboard",
  prettylist: "`velos list --json`",
  pull: "velos fetches no sources: `git pull`, then `velos reload <app>`",
  reloadLogs: "logs are the journal's, which rotates them by itself",
  remove: "`velos delete <app>`",
  report: "`velos doctor`",
  reset: "`velos delete <app>` and `velos start` begin counting anew; counters of Prometheus never go back",
  resurrect: "nothing has to be brought back: `velos startup` has what runs start at boot",
  send: "apps are sent signals: `velos signal <SIGNAL> <app>`",
  sendSignal: "`velos signal <SIGNAL> <app>`",
  serve: "`velos api` serves the dashboard, `velos metrics` what Prometheus asks for",
  set: "settings are in velos.toml; `velos apply -f velos.toml` changes what runs",
  startOrReload: "`velos apply -f velos.toml`",
  startOrRestart: "`velos apply -f velos.toml`",
  stats: "`velos list` shows what instances use, `velos monit` as it changes",
  tail: "`velos logs <app> -f`",
  top: "`velos monit`",
  trigger: "apps are sent signals: `velos signal <SIGNAL> <app>`",
  undo: "`velos rollout undo <app>`",
  up: "`velos apply -f velos.toml`",
  update: "a newer velosd takes over by itself: `velos kill`, and the next command starts it",
  upgrade: "a newer velosd takes over by itself: `velos kill`, and the next command starts it",
  version: "`velos --version`",
};

const TO_JOURNAL = "what apps write goes to the journal: `velos logs <app>`";
const IN_FOREGROUND = "apps go on without a terminal; `velos run` keeps them in the foreground";

/** By option: one of velos's by its name, or a sentence. */
export const optionHints: Readonly<Record<string, string>> = {
  "--all": "write `all` in place of a name",
  "--attach": "`velos logs <app> -f` follows what it writes; `velos run` keeps apps in the foreground",
  "--cpu": "--cpu-quota",
  "--cpus": "--cpu-quota",
  "--cron": "--cron-restart",
  "--daemon": IN_FOREGROUND,
  "--detach": IN_FOREGROUND,
  "-d": IN_FOREGROUND,
  "--directory": "--cwd",
  "--error": TO_JOURNAL,
  "--exec-mode": "every app is a cluster: -i says of how many, and --listen what they share",
  "--filter-env": "an app gets what --env and --env-file give it, and not your environment",
  "--group": "--gid",
  "--ignore-watch": "--watch-ignore",
  "--limit": "--lines",
  "--log": TO_JOURNAL,
  "--log-date-format": TO_JOURNAL,
  "--log-type": TO_JOURNAL,
  "--max-memory-restart": "--max-memory",
  "--memory": "--memory-max",
  "--memory-limit": "--memory-max",
  "--merge-logs": TO_JOURNAL,
  "--namespace": "names may have it: --name shop.api, and `shop.*` selects them",
  "--no-daemon": IN_FOREGROUND,
  "--node-args": "--interpreter-args",
  "--output": TO_JOURNAL,
  "--pid": "the service manager knows it: `velos list --json`",
  "--port": "--listen",
  "-p": "--listen",
  "--publish": "--listen",
  "--replicas": "--instances",
  "--restart": "--autorestart",
  "--scale": "--instances",
  "--signal": "--kill-signal",
  "--stop-timeout": "--kill-timeout",
  "--tail": "--lines",
  "--time": TO_JOURNAL,
  "--update-env": "what an app is given is what --env, --env-file and --inherit-env say at this start",
  "--volume": "an app sees the machine's files; --sandbox strict keeps it from them",
  "--workdir": "--cwd",
  "-w": "--watch",
};

const TO_JOURNAL_PAGE = "both streams come together, each line with its level: `--level error`, `--json` for times";
const GIVEN_AT_START =
  "what an app is given is said at `velos start`: start it again with its script, --name and --env";

/** Of options that mean something of their own to one command. */
const optionHintsOf: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  list: { "--sort": "instances are sorted by name" },
  logs: {
    "--err": TO_JOURNAL_PAGE,
    "--nostream": "that is how it is without -f",
    "--out": TO_JOURNAL_PAGE,
    "--raw": TO_JOURNAL_PAGE,
    "--time": "`velos logs --json` has times, and so has `journalctl --user -u 'velos-*'`",
    "--timestamp": "`velos logs --json` has times, and so has `journalctl --user -u 'velos-*'`",
  },
  reload: { "--env": GIVEN_AT_START, "--update-env": GIVEN_AT_START },
  restart: { "--env": GIVEN_AT_START, "--update-env": GIVEN_AT_START },
};

/** The hint for a command of another tool; undefined: it is none that is known. */
export const hintForCommand = (name: string): string | undefined =>
  Object.hasOwn(commandHints, name) ? commandHints[name]!.replace(/^`[^`]*`$/, "that is $&") : undefined;

/**
 * The hint for an option of another tool, where the command has what does the same.
 * @param command the command of velos that it was written to
 * @param has whether the command has an option of velos's
 * @param starts whether it is a command that starts apps: sentences are about those
 */
export const hintForOption = (
  name: string,
  command: string,
  has: (option: string) => boolean,
  starts: boolean,
): string | undefined => {
  const own = optionHintsOf[command]?.[name];
  if (own !== undefined) return own;
  const known = Object.hasOwn(optionHints, name) ? optionHints[name]! : undefined;
  if (known?.startsWith("--")) return has(known) ? `did you mean \`${known}\`?` : undefined;
  return starts || name === "--all" ? known : undefined;
};
