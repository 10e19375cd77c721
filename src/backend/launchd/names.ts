import { join } from "node:path";
import type { Scope } from "../backend.ts";

/** velosd's own job. Instances begin with `velos.`, so no app's name can collide. */
export const VELOSD_LABEL = "velosd";

/** Label of an instance's job: `velos.api.0`. The index is what follows the last dot, whatever the app's name is. */
export const labelOf = (app: string, index: number): string => `velos.${app}.${index}`;

/**
 * Where jobs are looked for, the preferred domain first. A user's are in the session of the screen where there is one
 * (`gui/501`), else in the user's own (`user/501`), as over ssh on a Mac that nobody is logged in to.
 */
export const domainsOf = (scope: Scope, uid: number): readonly string[] =>
  scope === "system" ? ["system"] : [`gui/${uid}`, `user/${uid}`];

/**
 * Directory of the jobs' property lists: velos's own, and not ~/Library/LaunchAgents or /Library/LaunchDaemons, from
 * which launchd would start them at the next login with what they were told at the last. After a boot it is velosd that
 * decides what runs, from its store, as it does under systemd.
 */
export const jobDirectory = (stateDir: string): string => join(stateDir, "launchd");

/** The property list of a job. */
export const plistPath = (stateDir: string, label: string): string => join(jobDirectory(stateDir), `${label}.plist`);

/** What a run is told that a property list cannot carry, or is not to show. */
export const secretsPath = (stateDir: string, label: string): string => join(jobDirectory(stateDir), `${label}.env`);
