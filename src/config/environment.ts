import { dirname } from "node:path";
import { VelosError } from "../domain/errors.ts";
import { readEnvFile } from "./env-file.ts";
import { isVariableName } from "./environment-kinds.ts";
import type { AppDraft } from "./settings.ts";
import { placePrefix } from "./settings.ts";

/** Environment variables as a process has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where programs are looked for when the caller has no PATH. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Whom an app runs as, as far as its environment tells. */
export interface Account {
  name: string;
  home: string;
}

/**
 * What never comes from the caller, even with inherit_env: what belongs to one process (descriptors, notification,
 * watchdog), to velos itself, to a session that ends at logout, or to the npx that velos was called through.
 */
const NOT_INHERITED = new Set(
  (
    "NOTIFY_SOCKET INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID MANAGERPID MAINPID WATCHDOG_PID WATCHDOG_USEC FDSTORE " +
    "CREDENTIALS_DIRECTORY RUNTIME_DIRECTORY STATE_DIRECTORY CACHE_DIRECTORY LOGS_DIRECTORY CONFIGURATION_DIRECTORY " +
    "MEMORY_PRESSURE_WATCH MEMORY_PRESSURE_WRITE NODE_CHANNEL_FD NODE_CHANNEL_SERIALIZATION_MODE NODE_UNIQUE_ID " +
    "NODE_APP_INSTANCE _ SHLVL PWD OLDPWD INIT_CWD WINDOWID TMUX TMUX_PANE STY XDG_SESSION_ID"
  ).split(" "),
);
const isInherited = (name: string): boolean =>
  isVariableName(name) && !NOT_INHERITED.has(name) && !/^(?:VELOS_|LISTEN_|SSH_|npm_)/.test(name);

/**
 * The environment of an app, the later winning: PATH, HOME, USER, LOGNAME, LANG, TZ; env files; `env`; the profile.
 * With inherit_env the caller's variables lie beneath all that. What comes from env files or is inherited is secret:
 * it may be a password, and `systemctl show` tells everybody what is visible. A name is in one of the two only.
 * @param interpreter absolute path of what runs the script; its directory joins PATH, so that the app's own children
 *   find the same one
 * @throws VelosError ENV_FILE_UNREADABLE, CONFIG_INVALID for a line of an env file
 */
export const appEnvironment = async (
  draft: AppDraft,
  caller: Environment,
  account: Account,
  options: { interpreter?: string; profile?: string } = {},
): Promise<{ env: Record<string, string>; secretEnv: Record<string, string> }> => {
  const { settings } = draft;
  const base: Record<string, string> = {
    PATH: pathWith(caller["PATH"] || DEFAULT_PATH, options.interpreter),
    HOME: account.home,
    USER: account.name,
    LOGNAME: account.name,
  };
  for (const name of ["LANG", "TZ"]) if (caller[name] !== undefined) base[name] = caller[name];
  const profiles = settings.profiles ?? {};
  const chosen =
    options.profile !== undefined && Object.hasOwn(profiles, options.profile) ? profiles[options.profile] : {};
  const own = { ...settings.env, ...chosen };

  const fromFiles: Record<string, string> = {};
  for (const path of settings.envFile ?? [])
    Object.assign(fromFiles, await readEnvFile(path, placePrefix(draft, "env_file")));
  const inherited = settings.inheritEnv === true ? Object.entries(caller).filter(([name]) => isInherited(name)) : [];

  const env = { ...without(base, fromFiles), ...own };
  return {
    env,
    secretEnv: without({ ...(Object.fromEntries(inherited) as Record<string, string>), ...fromFiles }, env),
  };
};

/**
 * Makes sure that a profile asked for exists in at least one of the apps.
 * @throws VelosError CONFIG_INVALID, naming those that exist
 */
export const checkProfile = (drafts: readonly AppDraft[], profile: string): void => {
  const known = new Set(drafts.flatMap((draft) => Object.keys(draft.settings.profiles ?? {})));
  if (known.has(profile)) return;
  throw new VelosError("CONFIG_INVALID", {
    where: "--env",
    why: `there is no profile '${profile}'`,
    hint:
      known.size > 0
        ? `there are ${[...known].sort().join(", ")}`
        : `add a table [apps.<name>.env_${profile}], or set a variable with --env NAME=VALUE`,
  });
};

const without = (variables: Record<string, string>, names: object): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).filter(([name]) => !Object.hasOwn(names, name)));

const pathWith = (path: string, program: string | undefined): string => {
  if (program === undefined) return path;
  const directory = dirname(program);
  return path.split(":").includes(directory) ? path : `${directory}:${path}`;
};
