import { setTimeout as delay } from "node:timers/promises";
import { appFile, freePort, startServer } from "../harness/apps.mjs";
import { makeMarks } from "../harness/marks.mjs";
import { start } from "../harness/process.mjs";
import { interleaved, medians } from "../stats.mjs";

/** A life of this length counts as stable. */
const STABLE_MS = 1100;

/** Ends an instance, and takes what its successor says of its own start. */
const nextLife = async ({ marks }) => {
  const before = marks.pids("listening");
  const [victim] = marks.alive("listening");
  process.kill(victim.pid, "SIGKILL");
  const [born] = await marks.wait("listening", 1, before);
  await delay(STABLE_MS);
  return born;
};

const plainLife = async (work) => {
  const marks = makeMarks(work);
  const env = { ...process.env, ...marks.env, PORT: String(freePort()) };
  const child = start(process.execPath, [appFile("server.cjs")], { env });
  const [born] = await marks.wait("listening", 1);
  child.kill("SIGKILL");
  return born;
};

/** From a process's own start until it listens: what its manager loads before the app is in it. */
export const measure = async ({ both, work, quick }) => {
  const apps = {};
  for (const manager of both) apps[manager.name] = await startServer(manager, work, { instances: 1 });
  await delay(STABLE_MS);
  const lives = await interleaved(quick ? 5 : 20, {
    plain: () => plainLife(work),
    velos: () => nextLife(apps.velos),
    pm2: () => nextLife(apps.pm2),
  });
  return [
    ["sinceStartMs", "time"],
    // Says more where the processors have other work.
    ["cpuMs", "processor time"],
  ].map(([key, about]) => {
    const samples = Object.fromEntries(Object.entries(lives).map(([who, list]) => [who, list.map((one) => one[key])]));
    const row = medians(samples);
    const more = row.velos - row.plain;
    const limit = { text: `plain + 5 ms (${more.toFixed(1)})`, holds: more <= 5 };
    return { id: `boot-${key}`, name: `own start until listening, ${about}`, unit: "ms", ...row, limit, samples };
  });
};
