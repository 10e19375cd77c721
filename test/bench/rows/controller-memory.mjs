import { setTimeout as delay } from "node:timers/promises";
import { startWorkers } from "../harness/apps.mjs";
import { memory } from "../harness/process.mjs";

/** velosd leaves between one and two minutes after the last command. */
const REST_MS = 130_000;

/** What is there of the controller when nothing has been asked of it for a while. */
const weighedAtRest = async (manager) => {
  for (const began = Date.now(); Date.now() - began < REST_MS && manager.name === "velos"; await delay(500))
    if (manager.controllerPids().length === 0) return { rss: 0, pss: 0 };
  const [pid] = manager.controllerPids();
  return memory(pid);
};

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
  if (!quick) sizes.rest = await weighedAtRest(manager);
  await manager.deleteAll();
  return sizes;
};

/** What the controller itself takes, some seconds after its last work. */
export const measure = async ({ velos, pm2, work, quick }) => {
  const sizes = { velos: await weighed(velos, work, quick), pm2: await weighed(pm2, work, quick) };
  const rows = [0, 4, 50].flatMap((instances) =>
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
  if (quick) return rows;
  rows.push({
    id: "controller-rest",
    name: "controller, 50 instances, two minutes later: RSS",
    unit: "MB",
    velos: sizes.velos.rest.rss,
    pm2: sizes.pm2.rest.rss,
    limit: { text: "0", holds: sizes.velos.rest.rss === 0 },
  });
  return rows;
};
