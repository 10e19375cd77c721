import { join } from "node:path";
import { connectDaemon } from "../client/connect.ts";
import type { Linger } from "./linger.ts";
import { readLinger } from "./linger.ts";
import { daemonUnits, ServiceManager } from "./manager.ts";
import type { StartupOptions } from "./place.ts";
import { checkPossible, ownDirectory, placeOf } from "./place.ts";
import type { UnitChange } from "./startup.ts";
import { lookAt, removeUnit } from "./unit-files.ts";
import { unitTexts } from "./unit-texts.ts";

export interface UnstartupReport {
  scope: "system" | "user";
  dryRun: boolean;
  /** Files that `velos startup` had written. */
  units: UnitChange[];
  /** Units that are started at boot no longer. */
  disabled: string[];
  /** In the user scope: left as it is, since without it apps would end with the session. */
  linger?: Linger;
}

/**
 * Undoes `velos startup`: velosd is no longer started at boot, and the files that it wrote are gone. Apps go on, and so
 * does velosd, as one that a command has started. Repeatable.
 * @throws VelosError STARTUP_FAILED
 */
export const unstartup = async (options: StartupOptions): Promise<UnstartupReport> => {
  checkPossible(options);
  const { scope } = options.paths;
  const manager = new ServiceManager(scope);
  const directory = await ownDirectory(options, manager);
  const files = await lookAt(directory, unitTexts(join(options.dist, "units"), placeOf(options)));
  const ours = files.filter(({ found }) => found === "same" || found === "older");
  const states = await manager.properties("UnitFileState");
  const disabled = daemonUnits.filter((_, position) => states[position] === "enabled");
  const report: UnstartupReport = {
    scope,
    dryRun: options.dryRun,
    units: ours.map(({ path }) => ({ path, change: "removed" })),
    disabled,
    ...(scope === "user" && { linger: await readLinger() }),
  };
  if (options.dryRun) return report;
  if (disabled.length > 0) await manager.run("disable", "--no-reload", ...disabled);
  if (ours.length === 0) return report;
  const wasActive = (await manager.properties("ActiveState")).includes("active");
  for (const { path } of ours) await removeUnit(path);
  if (!wasActive) {
    await manager.reloadIfNeeded();
    return report;
  }
  await manager.run("stop", ...daemonUnits);
  await manager.reloadIfNeeded();
  // Health checks, watches and schedules are velosd's: what runs is not to lose them.
  const daemon = await connectDaemon(options);
  await daemon.call("ping", {}).finally(() => daemon.close());
  return report;
};
