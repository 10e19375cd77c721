import { setTimeout as delay } from "node:timers/promises";
import { startServer } from "../harness/apps.mjs";
import { startLoad } from "../harness/load.mjs";
import { median } from "../stats.mjs";

const kinds = [
  { id: "keep-alive", about: "keep-alive", clients: 50, delayMs: 0 },
  { id: "close", about: "no keep-alive", clients: 50, keepAlive: false, delayMs: 0 },
  { id: "slow", about: "500 ms answers", clients: 100, delayMs: 500 },
];

const scripts = [
  { id: "bare", about: "no handler", script: "server.cjs" },
  { id: "handler", about: "own handler", script: "own-handler.cjs" },
];

const underLoad = async (manager, work, { clients, keepAlive, delayMs }, script, reloads) => {
  const { name, port } = await startServer(manager, work, { script, env: { DELAY_MS: String(delayMs) } });
  const load = startLoad({ port, clients, keepAlive });
  const tookMs = [];
  const codes = [];
  for (let i = 0; i < reloads; i++) {
    await delay(1000);
    const { code, ms } = await manager.reload(name);
    tookMs.push(ms);
    codes.push(code);
  }
  await delay(1000);
  const report = await load.stop();
  await manager.deleteAll();
  return { ...report, tookMs, codes };
};

/** `reload` of four under load: what clients notice of it. */
export const measure = async ({ velos, pm2, work, quick }) => {
  const rows = [];
  for (const { script, ...app } of scripts) {
    for (const kind of kinds) {
      const reloads = quick ? 1 : 3;
      const reports = {
        velos: await underLoad(velos, work, kind, script, reloads),
        pm2: await underLoad(pm2, work, kind, script, reloads),
      };
      const row = (key, about, unit, read, more = {}) => ({
        id: `reload-${app.id}-${kind.id}-${key}`,
        name: `reload 4, ${app.about}, ${kind.about}: ${about}`,
        unit,
        velos: read(reports.velos),
        pm2: read(reports.pm2),
        ...more,
      });
      const limit = (text, holds) => ({ limit: { text, holds } });
      const maxLatency = reports.velos.latencyMs.max;
      rows.push(
        row("failed", `failed of ${reports.velos.requests} and ${reports.pm2.requests}`, "", ({ failed }) => failed, {
          ...limit("0", reports.velos.failed === 0),
          reports,
        }),
        row("hung", "hung", "", ({ hung }) => hung, limit("0", reports.velos.hung === 0)),
        row("p99", "p99", "ms", ({ latencyMs }) => latencyMs.p99),
        row("max", "max latency", "ms", ({ latencyMs }) => latencyMs.max, {
          ...limit(`≤ ${kind.delayMs + 250} ms`, maxLatency <= kind.delayMs + 250),
        }),
        row("duration", "duration", "ms", ({ tookMs }) => median(tookMs)),
      );
    }
  }
  return rows;
};
