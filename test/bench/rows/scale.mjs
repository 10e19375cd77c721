import { startServer } from "../harness/apps.mjs";
import { now } from "../harness/marks.mjs";
import { interleaved, medians } from "../stats.mjs";

const timed = async (manager, work) => {
  const { name, marks } = await startServer(manager, work, { instances: 2 });
  const before = marks.pids("listening");
  const began = now();
  const [, added] = await Promise.all([manager.scale(name, "+2"), marks.wait("listening", 2, before)]);
  await manager.deleteAll();
  return Math.max(...added.map(({ at }) => at)) - began;
};

/** `scale +2` until both new instances listen. */
export const measure = async ({ velos, pm2, work, quick }) => {
  const samples = await interleaved(quick ? 2 : 5, { velos: () => timed(velos, work), pm2: () => timed(pm2, work) });
  return [{ id: "scale", name: "scale +2, until both listen", unit: "ms", ...medians(samples), samples }];
};
