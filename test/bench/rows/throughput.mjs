import { startServer } from "../harness/apps.mjs";
import { requestsPerSecond } from "../harness/load.mjs";
import { start } from "../harness/process.mjs";
import { appFile, freePort } from "../harness/apps.mjs";
import { makeMarks } from "../harness/marks.mjs";
import { interleaved, medians } from "../stats.mjs";

/** Requests per second of two instances that do nothing, with one plain Node process beside them. */
export const measure = async ({ both, work, quick }) => {
  const ports = {};
  for (const manager of both) ports[manager.name] = (await startServer(manager, work, { instances: 2 })).port;
  ports.plain = freePort();
  const marks = makeMarks(work);
  const plain = start(process.execPath, [appFile("server.cjs")], {
    env: { ...process.env, ...marks.env, PORT: String(ports.plain) },
  });
  await marks.wait("listening", 1);
  const rows = [];
  for (const keepAlive of [false, true]) {
    const rate = (port) => requestsPerSecond({ port, clients: 64, keepAlive, durationMs: quick ? 2000 : 5000 });
    const samples = await interleaved(quick ? 2 : 5, {
      velos: () => rate(ports.velos),
      pm2: () => rate(ports.pm2),
      plain: () => rate(ports.plain),
    });
    const row = medians(samples);
    rows.push({
      id: `throughput-${keepAlive ? "keep-alive" : "connections"}`,
      name: keepAlive ? "2 instances, requests, keep-alive" : "2 instances, new connections",
      unit: "/s",
      better: "higher",
      ...row,
      ...(!keepAlive && { limit: { text: "≥ 2 × pm2's", holds: row.velos >= 2 * row.pm2 } }),
      samples,
    });
  }
  plain.kill("SIGKILL");
  return rows;
};
