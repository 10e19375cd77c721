import { startServer } from "../harness/apps.mjs";
import { now } from "../harness/marks.mjs";
import { interleaved, medians } from "../stats.mjs";

const timed = async (manager, work, instances) => {
  await manager.ensure();
  const began = now();
  const { marks, ms } = await startServer(manager, work, { instances });
  const listeningMs = Math.max(...marks.read("listening").map(({ at }) => at)) - began;
  await manager.deleteAll();
  return { listeningMs, ms };
};

/** `start` until the last instance listens, and until the command returns. */
export const measure = async ({ velos, pm2, work, quick }) => {
  const rows = [];
  for (const [instances, times] of [
    [4, quick ? 2 : 5],
    [50, quick ? 1 : 3],
  ]) {
    const samples = await interleaved(times, {
      velos: () => timed(velos, work, instances),
      pm2: () => timed(pm2, work, instances),
    });
    for (const [key, about] of [
      ["listeningMs", "until all listen"],
      ["ms", "until the command returns"],
    ]) {
      const numbers = Object.fromEntries(
        Object.entries(samples).map(([who, taken]) => [who, taken.map((one) => one[key])]),
      );
      rows.push({
        id: `start-${instances}-${key}`,
        name: `start ${instances}, ${about}`,
        unit: "ms",
        ...medians(numbers),
        samples: numbers,
      });
    }
  }
  return rows;
};
