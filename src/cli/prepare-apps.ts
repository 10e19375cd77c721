import { resolve } from "node:path";
import type { AppInput } from "../config/flags.ts";
import { appFromFlags, splitEnvFlags } from "../config/flags.ts";
import { loadConfig, selectApps } from "../config/load.ts";
import type { Paths } from "../config/paths.ts";
import type { ResolvedApp } from "../config/resolve.ts";
import { resolveApps } from "../config/resolve.ts";
import { resolveContext } from "./resolve-context.ts";
import type { Terminal } from "./terminal.ts";
import { deafApps } from "./warn-deaf.ts";

/** What `velos start` was told: a file, or flags. */
export interface AppRequest {
  terminal: Terminal;
  places: Paths;
  /** `--env`, as given: variables and a profile. */
  envFlags: readonly string[];
  file?: { path: string; only: string | undefined };
  flags?: { input: AppInput; name: string | undefined };
  /** Whether systemd is to run them, and has to take what is meant for it. */
  isForSystemd?: boolean;
  /** For what is not as it was probably meant: one line each. */
  warn?: (line: string) => void;
}

/** The apps as velosd gets them. All that reads configuration is behind this, in a bundle that only `start` loads. */
export const prepareApps = async (request: AppRequest): Promise<ResolvedApp[]> => {
  const apps = await resolved(request);
  if (request.warn) for (const line of deafApps(apps.map(({ spec }) => spec))) request.warn(line);
  return apps;
};

const resolved = async (request: AppRequest): Promise<ResolvedApp[]> => {
  const { terminal, places, file, flags, isForSystemd = false } = request;
  const { env, profile } = splitEnvFlags(request.envFlags);
  const cwd = terminal.cwd();
  const context = await resolveContext(terminal, { scope: places.scope, profile, isForSystemd });
  if (file !== undefined) {
    const config = await loadConfig(file.path, cwd, { isScopeConfig: resolve(cwd, file.path) === places.config });
    const drafts = file.only === undefined ? config.apps : selectApps(config, file.only.split(","));
    return resolveApps(drafts, context);
  }
  const input = { ...flags?.input, ...(Object.keys(env).length > 0 && { env }) };
  return resolveApps([await appFromFlags(input, cwd, flags?.name)], context);
};
