import { VelosError } from "../domain/errors.ts";
import { isTable } from "../config/environment-kinds.ts";
import type { ImportedApp, Remark } from "./imported-app.ts";
import type { Pm2App, Pm2Context } from "./pm2-app.ts";
import { importPm2App } from "./pm2-app.ts";
import { withNames } from "./ecosystem.ts";
import { withoutFileServers } from "./pm2-serve.ts";

/** Keys that a dump has under another name, or spells out where nobody wrote them. */
// prettier-ignore
const OWN = [
  "name", "args", "node_args", "exec_interpreter", "exec_mode", "instances", "autorestart", "max_restarts", "min_uptime",
  "restart_delay", "exp_backoff_restart_delay", "stop_exit_codes", "max_memory_restart", "kill_timeout", "listen_timeout",
  "wait_ready", "shutdown_with_message", "cron_restart", "instance_var", "increment_var", "watch", "ignore_watch", "uid",
  "gid", "treekill", "namespace",
] as const;

/** Values that pm2 fills in by itself. */
const FILLED_IN: Readonly<Record<string, unknown>> = {
  autorestart: true,
  treekill: true,
  watch: false,
  instance_var: "NODE_APP_INSTANCE",
  namespace: "default",
  instances: 1,
};

/** Variables that a login or a shell makes, not somebody who starts an app. */
const OF_A_SESSION =
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|TERM|LANG|LC_\w+|PWD|OLDPWD|SHLVL|_|MAIL|HOSTNAME|EDITOR|PAGER|LS_COLORS|LESS\w*|DISPLAY|SSH_\w+|XDG_\w+|DBUS_\w+|SUDO_\w+|TMUX\w*|STY|COLORTERM|WINDOWID|npm_\w+|NVM_\w+|PM2_\w+|NODE_APP_INSTANCE|INIT_CWD|TERM_PROGRAM\w*|VSCODE_\w+|VELOS_\w+|unique_id|pm_id)$/;

/**
 * The apps that pm2 has saved (`pm2 save`): one for all entries of a name. What pm2 saves is what an app was started
 * with, the environment of a whole session included; of that only what does not come from a login is taken.
 * @param env the caller's environment: what is the same there was most likely not meant for the app
 * @throws VelosError CONFIG_INVALID when it is no dump, or an empty one
 */
export const importPm2Dump = (
  content: unknown,
  context: Pm2Context,
  env: Readonly<Record<string, string | undefined>>,
): { apps: ImportedApp[]; remarks: Remark[] } => {
  const entries = Array.isArray(content) ? content.filter(isTable) : [];
  const groups = new Map<string, Pm2App[]>();
  for (const entry of entries) {
    if (entry["pmx_module"] === true) continue;
    const key = JSON.stringify([entry["namespace"], entry["name"]]);
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  if (groups.size === 0) {
    throw new VelosError("CONFIG_INVALID", {
      where: context.source,
      why: Array.isArray(content) ? "no apps are saved in it" : "it is not what pm2 saves",
      hint: "`pm2 save` writes it, of what runs at that moment",
    });
  }
  const own = withoutFileServers(
    [...groups.values()].map(([first = {}]) => first),
    context.source,
  );
  const apps = [...groups.values()]
    .filter(([first]) => first !== undefined && own.apps.includes(first))
    .map((group) => importEntry(group, context, env));
  const why =
    "what a login sets was left out of them; look whether something is missing, or is a secret that belongs into env_file";
  return { apps: withNames(apps), remarks: [{ key: "environment", why }, ...own.remarks] };
};

const importEntry = (
  group: readonly Pm2App[],
  context: Pm2Context,
  caller: Readonly<Record<string, string | undefined>>,
): ImportedApp => {
  const [first = {}] = group;
  const app: Record<string, unknown> = { script: first["pm_exec_path"], cwd: first["pm_cwd"] };
  for (const key of OWN) {
    const value = first[key];
    const isNothing = value === undefined || value === null || value === FILLED_IN[key];
    if (!isNothing && !(Array.isArray(value) && value.length === 0)) app[key] = value;
  }
  if (app["exec_interpreter"] === "node" && /\.[cm]?[jt]s$/.test(String(app["script"]))) delete app["exec_interpreter"];
  if (group.length > 1) app["instances"] = group.length;
  // Fork mode keeps the port of each process its own; pm2 saves which mode it was.
  app["exec_mode"] = first["exec_mode"] ?? "fork_mode";
  app["env"] = ownVariables(first["env"], caller, String(first["name"]));
  return importPm2App(app, context);
};

const ownVariables = (
  env: unknown,
  caller: Readonly<Record<string, string | undefined>>,
  name: string,
): Record<string, unknown> | undefined => {
  if (!isTable(env)) return undefined;
  const own = Object.entries(env).filter(
    ([variable, value]) =>
      // Of its own name pm2 sets one, with the settings of its modules.
      variable !== name &&
      !OF_A_SESSION.test(variable) &&
      (typeof value === "string" || typeof value === "number" || typeof value === "boolean") &&
      caller[variable] !== String(value),
  );
  return own.length > 0 ? Object.fromEntries(own) : undefined;
};
