import { setTimeout as delay } from "node:timers/promises";
import { startWorkers } from "../harness/apps.mjs";
import { memory } from "../harness/process.mjs";

const weighed = async (manager, work, quick) => {
  await manager.end();
  await manager.ensure();
  const sizes = {};
  for (const instances of [0, 4, 50]) {
    if (instances > 0) {
      await manager.deleteAll();
      await startWorkers(manager, work, instances);
    }
    await manager.list();
    await delay(quick ? 1000 : 5000);
    const [pid] = manager.controllerPids();
    sizes[instances] = memory(pid);
  }
  await manager.deleteAll();
  return sizes;
};

/** What the controller itself takes, some seconds after its last work. */
export const measure = async ({ velos, pm2, work, quick }) => {
  const sizes = { velos: await weighed(velos, work, quick), pm2: await weighed(pm2, work, quick) };
  return [0, 4, 50].flatMap((instances) =>
    ["rss", "pss"].map((kind) => ({
      id: `controller-${kind}-${instances}`,
      name: `controller, ${instances} instances: ${kind.toUpperCase()}`,
      unit: "MB",
      velos: sizes.velos[instances][kind],
      pm2: sizes.pm2[instances][kind],
      ...(kind === "rss" &&
        instances === 50 && { limit: { text: "≤ 60 MB", holds: sizes.velos[instances][kind] <= 60 } }),
    })),
  );
};
