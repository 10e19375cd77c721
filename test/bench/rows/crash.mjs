import { setTimeout as delay } from "node:timers/promises";
import { startServer, startWorkers } from "../harness/apps.mjs";
import { now } from "../harness/marks.mjs";
import { until } from "../harness/process.mjs";
import { interleaved, medians } from "../stats.mjs";

/** Longer than what counts as a stable run, so that neither gives the app up. */
const STABLE_MS = 1300;

/** kill -9 of one of two servers until the new one listens, by its own clock. */
const toListening = async ({ marks }) => {
  const before = marks.pids("listening");
  const [victim] = marks.alive("listening");
  await delay(STABLE_MS);
  const began = now();
  process.kill(victim.pid, "SIGKILL");
  const [born] = await marks.wait("listening", 1, before);
  return born.at - began;
};

/** kill -9 of a worker until the manager calls it online again, and until its first line runs. */
const ofWorker = async ({ marks, manager }, seen) => {
  const before = marks.pids("running");
  const [victim] = marks.alive("running");
  await delay(STABLE_MS);
  seen.length = 0;
  const [began, beganDate] = [now(), Date.now()];
  process.kill(victim.pid, "SIGKILL");
  const [born] = await marks.wait("running", 1, before);
  await until(`${manager} to notice`, () => seen.length > 0, 10_000);
  return { running: born.at - began, online: Math.max(0, seen[0] - beganDate) };
};

export const measure = async ({ both, work, quick }) => {
  const times = quick ? 3 : 9;
  const apps = {};
  for (const manager of both) apps[manager.name] = await startServer(manager, work, { instances: 2 });
  const listening = await interleaved(times, {
    velos: () => toListening(apps.velos),
    pm2: () => toListening(apps.pm2),
  });
  for (const manager of both) await manager.deleteAll();

  const seen = { velos: [], pm2: [] };
  const ends = [];
  for (const manager of both) {
    apps[manager.name] = { ...(await startWorkers(manager, work, 1)), manager: manager.name };
    ends.push(await manager.onOnline((at) => seen[manager.name].push(at)));
  }
  const workers = await interleaved(times, {
    velos: () => ofWorker(apps.velos, seen.velos),
    pm2: () => ofWorker(apps.pm2, seen.pm2),
  });
  for (const end of ends) end();
  const pick = (key) => ({ velos: workers.velos.map((one) => one[key]), pm2: workers.pm2.map((one) => one[key]) });
  const row = medians(listening);
  return [
    {
      id: "crash-listening",
      name: "kill -9 of a server, until it listens",
      unit: "ms",
      ...row,
      limit: { text: "≤ 200 ms", holds: row.velos <= 200 },
      samples: listening,
    },
    {
      id: "crash-running",
      name: "kill -9 of a worker, until its first line",
      unit: "ms",
      ...medians(pick("running")),
      samples: pick("running"),
    },
    {
      id: "crash-online",
      name: "kill -9 of a worker, until called online",
      unit: "ms",
      ...medians(pick("online")),
      samples: pick("online"),
    },
  ];
};
