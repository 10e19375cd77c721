import { setTimeout as delay } from "node:timers/promises";
import { appFile, freePort, startServer, startWorkers } from "../harness/apps.mjs";
import { makeMarks } from "../harness/marks.mjs";
import { memory, start } from "../harness/process.mjs";
import { median } from "../stats.mjs";

const COUNT = 4;

const plainProcesses = async (work, script, kind) => {
  const marks = makeMarks(work);
  const children = [];
  for (let i = 0; i < COUNT; i++) {
    const env = { ...process.env, ...marks.env, PORT: String(freePort()) };
    children.push(start(process.execPath, [appFile(script)], { env }));
  }
  await marks.wait(kind, COUNT);
  return { pids: children.map(({ pid }) => pid), end: () => children.forEach((child) => child.kill("SIGKILL")) };
};

/** What one more instance takes beyond the same program without a manager. */
export const measure = async ({ both, work }) => {
  const rows = [];
  for (const [id, about, script, kind] of [
    ["idle", "worker that does not listen", "worker.cjs", "running"],
    ["listening", "server that listens", "server.cjs", "listening"],
  ]) {
    const pids = {};
    for (const manager of both) {
      if (kind === "listening") {
        pids[manager.name] = [...(await startServer(manager, work, { instances: COUNT })).marks.pids(kind)];
        continue;
      }
      // One app each, so that pm2 starts them as it starts a worker: in fork mode.
      pids[manager.name] = [];
      for (let i = 0; i < COUNT; i++)
        pids[manager.name].push(...(await startWorkers(manager, work, 1)).marks.pids(kind));
    }
    const plain = await plainProcesses(work, script, kind);
    pids.plain = plain.pids;
    await delay(3000);
    const sizes = Object.fromEntries(Object.entries(pids).map(([who, list]) => [who, list.map(memory)]));
    plain.end();
    for (const manager of both) await manager.deleteAll();
    for (const [size, words] of [
      ["rss", "RSS"],
      ["own", "private"],
    ]) {
      const row = Object.fromEntries(
        Object.entries(sizes).map(([who, list]) => [who, median(list.map((one) => one[size]))]),
      );
      const more = row.velos - row.plain;
      rows.push({
        id: `${id}-${size}`,
        name: `${about}: ${words}`,
        unit: "MB",
        ...row,
        ...(id === "listening" && { limit: { text: `plain + 3 MB (${more.toFixed(1)})`, holds: more <= 3 } }),
        samples: sizes,
      });
    }
  }
  return rows;
};
