import { dirname } from "node:path";
import { Variant } from "./bus.ts";
import { cgroupRoot, groupOf } from "./cgroup.ts";
import type { Manager } from "./manager.ts";
import { isNoSuchUnit, isUnitExists } from "./manager.ts";
import { appSlice, daemonPath } from "./names.ts";

/** A run that is to be watched. */
export interface WatchedRun {
  app: string;
  unit: string;
  pid: number;
}

/**
 * How many groups are watched at most: the manager needs an inotify instance for each, of which a user has 128 by
 * default (`fs.inotify.max_user_instances`), the manager's others included.
 */
const MAX_GROUPS = 32;

/**
 * Has the manager start velosd when a run ends while it is away: the manager removes a unit's control group at each
 * end, also before it restarts it, and a path unit sees that in the app's group above. Nothing is added to the instances
 * for it.
 *
 * @returns false where that cannot be had: too many apps, or a group above that has others' units in it, too
 */
export const watchEnds = async (manager: Manager, runs: readonly WatchedRun[]): Promise<boolean> => {
  const root = await cgroupRoot();
  const groups = new Set<string>();
  for (const { app, unit, pid } of runs) {
    const group = groupOf(unit, pid);
    if (group === undefined || !dirname(group).endsWith(`/${appSlice(app)}`)) return false;
    groups.add(root + dirname(group));
  }
  await unwatchEnds(manager);
  if (groups.size === 0) return true;
  if (groups.size > MAX_GROUPS) return false;
  try {
    const result = await manager.startTransient(daemonPath, [
      ["Description", new Variant("s", "velos: wakes its controller when an instance ends")],
      [
        "Paths",
        new Variant(
          "a(ss)",
          [...groups].map((path) => ["PathChanged", path]),
        ),
      ],
    ]);
    return result === "done";
  } catch (error) {
    if (isUnitExists(error)) return false;
    throw error;
  }
};

/** Ends what `watchEnds` began. */
export const unwatchEnds = async (manager: Manager): Promise<void> => {
  try {
    await manager.stop(daemonPath);
  } catch (error) {
    if (!isNoSuchUnit(error)) throw error;
  }
};
