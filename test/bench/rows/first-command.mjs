import { setTimeout as delay } from "node:timers/promises";

const AT_ONCE = 20;
/** Nobody waits longer for a list. */
const PATIENCE_MS = 30_000;

const attempt = async (manager) => {
  await manager.end();
  const results = await Promise.all(
    Array.from({ length: AT_ONCE }, () => manager.command(["list"], { patienceMs: PATIENCE_MS })),
  );
  // One that is about to leave, since another was faster, has left by then.
  await delay(2000);
  const controllers = manager.controllerPids().length;
  await manager.end();
  return {
    failed: results.filter(({ code }) => code !== 0).length,
    controllers,
    lastMs: Math.max(...results.map(({ ms }) => ms)),
    errors: results.filter(({ code }) => code !== 0).map(({ code, stderr }) => `${code}: ${stderr.slice(0, 300)}`),
  };
};

/** Twenty commands at once where no controller runs: all should be answered, by one controller. */
export const measure = async ({ velos, pm2 }) => {
  const outcome = { velos: await attempt(velos), pm2: await attempt(pm2) };
  const row = (key, name, unit, limit) => ({
    id: `first-${key}`,
    name: `${AT_ONCE} first commands at once: ${name}`,
    unit,
    velos: outcome.velos[key],
    pm2: outcome.pm2[key],
    ...(key === "failed" && { errors: { velos: outcome.velos.errors, pm2: outcome.pm2.errors } }),
    ...(limit !== undefined && { limit: { text: String(limit), holds: outcome.velos[key] === limit } }),
  });
  return [
    row("failed", "failed", "", 0),
    row("controllers", "controllers after", "", 1),
    row("lastMs", "until the last is answered", "ms"),
  ];
};
