import { startServer } from "../harness/apps.mjs";
import { startLoad } from "../harness/load.mjs";
import { median } from "../stats.mjs";

/** Busiest ÷ quietest of four instances by requests; Infinity when one got none. */
const spread = ({ perInstance }) => {
  const shares = [0, 1, 2, 3].map((index) => perInstance[index] ?? 0);
  return Math.max(...shares) / Math.min(...shares);
};

/** How evenly 64 clients spread over four instances within ten seconds. The worst of the rounds counts. */
export const measure = async ({ both, work, quick }) => {
  const rows = [];
  for (const workMs of [2, 0]) {
    const apps = {};
    for (const manager of both)
      apps[manager.name] = await startServer(manager, work, { env: { WORK_MS: String(workMs) } });
    for (const keepAlive of [true, false]) {
      const reports = { velos: [], pm2: [] };
      for (let i = 0; i < (quick ? 1 : 3); i++) {
        for (const { name } of both) {
          const { port } = apps[name];
          const load = startLoad({ port, clients: 64, keepAlive, durationMs: 10_000, by: "x-instance" });
          reports[name].push(await load.finished);
        }
      }
      const about = `${workMs ? `${workMs} ms of work` : "no work"}, ${keepAlive ? "keep-alive" : "no keep-alive"}`;
      const id = `evenness-${workMs}-${keepAlive ? "keep-alive" : "close"}`;
      const worst = (name) => Math.max(...reports[name].map(spread));
      const middle = (name, read) => median(reports[name].map(read));
      const bound = workMs ? 1.5 : 4;
      rows.push(
        {
          id,
          name: `spread over 4, ${about}: busiest ÷ quietest`,
          unit: "",
          velos: worst("velos"),
          pm2: worst("pm2"),
          limit: { text: `≤ ${bound}`, holds: worst("velos") <= bound },
          reports,
        },
        {
          id: `${id}-p99`,
          name: `spread over 4, ${about}: p99`,
          unit: "ms",
          velos: middle("velos", ({ latencyMs }) => latencyMs.p99),
          pm2: middle("pm2", ({ latencyMs }) => latencyMs.p99),
        },
        {
          id: `${id}-rate`,
          name: `spread over 4, ${about}: requests`,
          unit: "/s",
          better: "higher",
          velos: middle("velos", ({ requestsPerSecond }) => requestsPerSecond),
          pm2: middle("pm2", ({ requestsPerSecond }) => requestsPerSecond),
        },
      );
    }
    for (const manager of both) await manager.deleteAll();
  }
  return rows;
};
