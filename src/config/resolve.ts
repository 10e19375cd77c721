import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { checkAppName } from "../domain/app-name.ts";
import type { AppSpec } from "../domain/app.ts";
import { healthDefaults, rolloutDefaults, specDefaults } from "../domain/app.ts";
import { VelosError } from "../domain/errors.ts";
import type { Quantity } from "../domain/quantity.ts";
import { dynamicUser, stateDirectory } from "../domain/sandbox.ts";
import type { Accounts } from "./accounts.ts";
import { systemAccounts } from "./accounts.ts";
import type { Account, Environment } from "./environment.ts";
import type { RefusedSettings } from "./check-systemd.ts";
import { checkSystemdSettings } from "./check-systemd.ts";
import { appEnvironment, checkProfile, DEFAULT_PATH } from "./environment.ts";
import { defaultName, findProgram } from "./program.ts";
import { isAbsent, readFailure } from "./read-failure.ts";
import { sandboxOf } from "./sandbox.ts";
import type { AppDraft } from "./settings.ts";
import { placePrefix } from "./settings.ts";

/** Who asks, and with what. */
export interface ResolveContext {
  /** The caller's environment. */
  env: Environment;
  caller: Account & { uid: number };
  /** The Node that runs this process, for callers without `node` on PATH. */
  execPath: string;
  scope: "system" | "user";
  /** Profile of velos.toml (`--env production`). */
  profile?: string;
  /** Default: the accounts of this machine. */
  accounts?: Accounts;
  /** What a node says to `--version`; default: it is asked, and only for TypeScript. */
  nodeVersion?: (program: string) => Promise<string | undefined>;
  /** Where systemd is to run the apps: what it would take no notice of. Default: whatever is said there is taken. */
  refusedSettings?: RefusedSettings;
}

/** An app ready to be sent to velosd. */
export interface ResolvedApp {
  spec: AppSpec;
  /** One where nothing was said. */
  instances: Quantity;
  /** False: nothing was said, so that an app that runs may keep its number. */
  instancesGiven: boolean;
}

/**
 * Resolves apps: see `resolveApp`. A profile needs to exist in one of them; the others go without.
 * @throws VelosError as `resolveApp`; CONFIG_INVALID for a profile that no app has
 */
export const resolveApps = async (drafts: readonly AppDraft[], context: ResolveContext): Promise<ResolvedApp[]> => {
  if (context.profile !== undefined) checkProfile(drafts, context.profile);
  const resolved: ResolvedApp[] = [];
  for (const draft of drafts) {
    const app = await resolveOne(draft, context);
    if (context.refusedSettings) await checkSystemdSettings(draft, app.spec, context.refusedSettings);
    resolved.push(app);
  }
  return resolved;
};

/**
 * Makes the spec of an app: finds its program and interpreter, makes paths absolute, completes the environment and the
 * defaults. Reads the file system, starts nothing (but `node --version` for TypeScript without tsx).
 * @throws VelosError CWD_NOT_FOUND, USER_NOT_FOUND, GROUP_NOT_FOUND, APP_NAME_INVALID (for a name made of a path),
 *   ENV_FILE_UNREADABLE, CONFIG_INVALID, and those of `findProgram`
 */
export const resolveApp = async (draft: AppDraft, context: ResolveContext): Promise<ResolvedApp> => {
  const [resolved] = await resolveApps([draft], context);
  return resolved!;
};

const resolveOne = async (draft: AppDraft, context: ResolveContext): Promise<ResolvedApp> => {
  const { settings } = draft;
  const cwd = settings.cwd ?? draft.baseDir;
  await checkDirectory(cwd, placePrefix(draft, "cwd"));
  const { user, group, account: named } = await runAs(draft, context);
  const program = await findProgram(draft, {
    cwd,
    path: context.env["PATH"] || DEFAULT_PATH,
    execPath: context.execPath,
    runsAsCaller: user === undefined,
    ...(context.nodeVersion && { nodeVersion: context.nodeVersion }),
  });
  const name = checkAppName(draft.name ?? defaultName(program));
  const sandbox = sandboxOf(draft, { ...program, ...(user !== undefined && { user }), scope: context.scope });
  const account = ownAccount(name, sandbox, user, context.scope) ?? named;
  const { env, secretEnv } = await appEnvironment(draft, context.env, account, {
    ...(program.interpreter !== undefined && { interpreter: program.program }),
    ...(context.profile !== undefined && { profile: context.profile }),
  });
  checkIncrement(draft, { ...secretEnv, ...env });
  const watch = settings.watch === true ? [cwd] : (settings.watch || []).map((path) => resolve(cwd, path));
  const spec: AppSpec = {
    ...specDefaults,
    stopExitCodes: [],
    ...pickSupervision(settings),
    name,
    ...program,
    cwd,
    env,
    secretEnv,
    ...(user !== undefined && { user }),
    ...(group !== undefined && { group }),
    ...sandbox,
    ...(settings.credentials !== undefined && { credentials: settings.credentials }),
    listen: settings.listen ?? [],
    ...healthCheck(draft),
    watch,
    watchIgnore: watch.length === 0 ? [] : (settings.watchIgnore ?? ["node_modules", ".git"]),
    rollout: { ...rolloutDefaults, ...settings.rollout },
    systemd: settings.systemd ?? {},
  };
  return {
    spec,
    instances: settings.instances ?? { kind: "exact", count: 1 },
    instancesGiven: settings.instances !== undefined,
  };
};

/** The health check with its defaults; nothing where there is none. */
const healthCheck = (draft: AppDraft): Pick<AppSpec, "health"> => {
  const { health } = draft.settings;
  if (health === undefined) return {};
  const kinds = [health.http, health.tcp, health.command].filter((kind) => kind !== undefined);
  if (kinds.length !== 1) {
    throw new VelosError("CONFIG_INVALID", {
      where: draft.where("health"),
      why:
        kinds.length === 0
          ? "a health check needs http, tcp or command"
          : "a health check has one of http, tcp and command",
      hint: 'write for example http = "/healthz"',
    });
  }
  return { health: { ...healthDefaults, ...health } };
};

/** The settings that are in the spec under the same name, as they are. */
const AS_THEY_ARE = [
  "autorestart",
  "maxRestarts",
  "minUptimeMs",
  "restartDelayMs",
  "expBackoffRestartDelayMs",
  "killTimeoutMs",
  "killSignal",
  "waitReady",
  "listenTimeoutMs",
  "maxConnectionAgeMs",
  "shutdownWithMessage",
  "stopExitCodes",
  "maxMemoryRestartBytes",
  "memoryMaxBytes",
  "cpuQuotaPercent",
  "tasksMax",
  "cronRestart",
  "instanceVar",
  "incrementVar",
  "logMaxBytes",
  "logKeep",
] as const satisfies (keyof AppSpec & keyof AppDraft["settings"])[];

const pickSupervision = (settings: AppDraft["settings"]): Partial<Pick<AppSpec, (typeof AS_THEY_ARE)[number]>> =>
  Object.fromEntries(
    AS_THEY_ARE.filter((field) => settings[field] !== undefined).map((field) => [field, settings[field]]),
  );

const checkDirectory = async (path: string, at: string): Promise<void> => {
  let why: string | undefined;
  try {
    if (!(await stat(path)).isDirectory()) why = "is not a directory";
  } catch (error) {
    why = isAbsent(error) ? "does not exist" : `cannot be used: ${readFailure(error)}`;
  }
  if (why !== undefined) throw new VelosError("CWD_NOT_FOUND", { at, path, why });
};

/** Whom the app runs as. In the user scope that is the caller, and naming another is an error. */
const runAs = async (
  draft: AppDraft,
  { accounts = systemAccounts(), caller, scope }: ResolveContext,
): Promise<{ user?: string; group?: string; account: Account }> => {
  const { user: userName, group: groupName } = draft.settings;
  const user = userName === undefined ? undefined : await findUser(userName, accounts, placePrefix(draft, "user"));
  if (scope === "user") {
    const key = user !== undefined && user.uid !== caller.uid ? "user" : groupName !== undefined ? "group" : undefined;
    if (key === undefined) return { account: caller };
    const why = `only apps of the system scope can run as another ${key}`;
    throw new VelosError("CONFIG_INVALID", {
      where: draft.where(key),
      why,
      hint: "start it as root, or leave this out",
    });
  }
  const group = groupName === undefined ? undefined : await accounts.group(groupName);
  if (groupName !== undefined && group === undefined && !/^\d+$/.test(groupName)) {
    throw new VelosError("GROUP_NOT_FOUND", { at: placePrefix(draft, "group"), group: groupName });
  }
  return {
    ...(user && { user: user.name }),
    ...(groupName !== undefined && { group: group?.name ?? groupName }),
    account: user ?? caller,
  };
};

/** The user that a strict app of the system scope gets where it names none, with its state directory as home. */
const ownAccount = (
  app: string,
  { sandbox }: Pick<AppSpec, "sandbox">,
  user: string | undefined,
  scope: ResolveContext["scope"],
): Account | undefined =>
  sandbox?.profile === "strict" && user === undefined && scope === "system"
    ? { name: dynamicUser(app), home: `/var/lib/${stateDirectory(app)}` }
    : undefined;

/** A number that no account has is a user all the same, without a home. */
const findUser = async (nameOrId: string, accounts: Accounts, at: string): Promise<Account & { uid: number }> => {
  const user = await accounts.user(nameOrId);
  if (user !== undefined) return user;
  if (/^\d{1,10}$/.test(nameOrId)) return { name: nameOrId, uid: Number(nameOrId), home: "/" };
  throw new VelosError("USER_NOT_FOUND", { at, user: nameOrId });
};

const checkIncrement = (draft: AppDraft, env: Readonly<Record<string, string>>): void => {
  const name = draft.settings.incrementVar;
  const value = name === undefined ? undefined : env[name];
  if (value === undefined || /^\d{1,15}$/.test(value)) return;
  const where = draft.where("increment_var");
  const hint = "give it a whole number, to which the instance's number is added";
  throw new VelosError("CONFIG_INVALID", { where, why: `${name} is ${JSON.stringify(value)}`, hint });
};
