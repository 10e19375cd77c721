import { join } from "node:path";
import { connectDaemon } from "../client/connect.ts";
import { stopDaemon } from "../client/stop-daemon.ts";
import { VelosError } from "../domain/errors.ts";
import type { Linger } from "./linger.ts";
import { enableLinger, readLinger } from "./linger.ts";
import { daemonUnits, ServiceManager } from "./manager.ts";
import type { StartupOptions } from "./place.ts";
import { checkPossible, ownDirectory, packagedDirectory, placeOf } from "./place.ts";
import { lookAt, removeUnit, writeUnit } from "./unit-files.ts";
import { unitTexts } from "./unit-texts.ts";

/** What became of a unit file. `package`: it is a package's, and is left as it is. */
export interface UnitChange {
  path: string;
  change: "written" | "unchanged" | "removed" | "package";
  /** What is written. */
  text?: string;
}

export interface StartupReport {
  scope: "system" | "user";
  /** True when nothing was done. */
  dryRun: boolean;
  units: UnitChange[];
  enabled: readonly string[];
  /** In the user scope. */
  linger?: Linger;
  /** The velosd that runs now. */
  velosd?: { version: string; pid: number };
}

/**
 * Has velosd started at boot, and with it every app that ran before: installs and enables its units, and hands over to
 * them from a velosd that a command has started. No instance is touched. Repeatable.
 * @throws VelosError STARTUP_FAILED
 */
export const startup = async (options: StartupOptions): Promise<StartupReport> => {
  checkPossible(options);
  const { scope } = options.paths;
  const { dryRun } = options;
  const manager = new ServiceManager(scope);
  const { units, directory } = await planUnits(options, manager);
  const report: StartupReport = { scope, dryRun, units, enabled: daemonUnits };
  if (dryRun) return scope === "user" ? { ...report, linger: await readLinger() } : report;

  // What the service manager runs has the right backend, and need not even come up.
  const isManaged = (await manager.properties("ActiveState"))[0] === "active";
  if (!isManaged) await checkReplaceable(options);
  for (const { path, change, text } of units) {
    if (change === "written") await writeUnit(directory, path.slice(directory.length + 1), text!);
    if (change === "removed") await removeUnit(path);
  }
  const isNews = units.some(({ change }) => change === "written" || change === "removed");
  if (isNews || !(await isServed(manager))) {
    if (!isManaged) await stopDaemon(options);
    await handOver(manager);
  }
  await mustDo(manager, "enable", "--no-reload", ...daemonUnits);
  await mustDo(manager, "start", ...daemonUnits);
  if (scope === "user") report.linger = await enableLinger();
  const daemon = await connectDaemon({ ...options, start: false });
  try {
    const { version, pid } = await daemon.call("ping", {});
    report.velosd = { version, pid };
  } finally {
    daemon.close();
  }
  return report;
};

/** What is to become of the unit files. */
const planUnits = async (
  options: StartupOptions,
  manager: ServiceManager,
): Promise<{ units: UnitChange[]; directory: string }> => {
  const place = placeOf(options);
  const directory = await ownDirectory(options, manager);
  const texts = unitTexts(join(options.dist, "units"), place);
  const files = await lookAt(directory, texts);
  const packaged = await packagedDirectory(directory, place, manager);
  if (packaged !== undefined) {
    const kept = (await lookAt(packaged, texts))
      .filter(({ found }) => found !== "absent")
      .map(({ path }): UnitChange => ({ path, change: "package" }));
    // What another installation of velos has written would be read instead of them.
    const stale = files.filter(({ found }) => found === "same" || found === "older");
    return { directory, units: [...kept, ...stale.map(({ path }): UnitChange => ({ path, change: "removed" }))] };
  }
  const foreign = files.find(({ found }) => found === "foreign");
  if (foreign) {
    throw new VelosError("STARTUP_FAILED", {
      why: `${foreign.path} is there already, and was not written by velos startup`,
      hint: "move it away; what it changes can go into `systemctl edit`",
    });
  }
  const units = files.map(({ name, path, found }): UnitChange =>
    found === "same" ? { path, change: "unchanged" } : { path, change: "written", text: texts.get(name)! },
  );
  return { directory, units };
};

/** A velosd that is itself the parent of its instances cannot be replaced without ending them. */
const checkReplaceable = async (options: StartupOptions): Promise<void> => {
  const daemon = await connectDaemon({ ...options, start: false }).catch((error: unknown) => {
    if (error instanceof VelosError && error.code === "DAEMON_UNREACHABLE") return undefined;
    throw error;
  });
  if (!daemon) return;
  try {
    const { backend, pid } = await daemon.call("ping", {});
    if (backend === "systemd") return;
    throw new VelosError("STARTUP_FAILED", {
      why: `the velosd that runs (pid ${pid}) has the backend ${backend}, and its instances end with a change of that`,
      hint: "`velos delete all && velos kill`, then `velos startup`, and start the apps again",
    });
  } finally {
    daemon.close();
  }
};

/** True when the installed units are those that serve. */
const isServed = async (manager: ServiceManager): Promise<boolean> => {
  const [transient, stale, states] = await Promise.all([
    manager.properties("Transient"),
    manager.properties("NeedDaemonReload"),
    manager.properties("ActiveState"),
  ]);
  return ![...transient, ...stale].includes("yes") && states[0] === "active";
};

/** Ends the units there are, so that the installed ones can have the names. Their files are there already. */
const handOver = async (manager: ServiceManager): Promise<void> => {
  await manager.run("stop", ...daemonUnits);
  await manager.run("reset-failed", ...daemonUnits);
  await manager.reloadIfNeeded();
};

const mustDo = async (manager: ServiceManager, ...args: string[]): Promise<void> => {
  const { failure } = await manager.run(...args);
  if (failure === undefined) return;
  throw new VelosError("STARTUP_FAILED", {
    why: `the units are there, but \`${manager.line(...args)}\` failed: ${failure}`,
    hint: `see \`${manager.line("status", ...daemonUnits)}\`; then \`velos startup\` again`,
  });
};
