import { startServer } from "../harness/apps.mjs";
import { interleaved, medians } from "../stats.mjs";

const checked = async (reloading) => {
  const { code, ms, stdout, stderr } = await reloading;
  if (code !== 0) throw new Error(`reload: ${code}\n${stdout}${stderr}`);
  return ms;
};

/** `reload` of four idle servers, each of which takes 100 ms to listen. */
export const measure = async ({ both, velos, pm2, work, quick }) => {
  const apps = {};
  for (const manager of both) apps[manager.name] = await startServer(manager, work, { env: { BOOT_MS: "100" } });
  const samples = await interleaved(quick ? 3 : 9, {
    velos: () => checked(velos.reload(apps.velos.name)),
    pm2: () => checked(pm2.reload(apps.pm2.name)),
  });
  const row = medians(samples);
  const limit = { text: "≤ pm2's", holds: row.velos <= row.pm2 };
  return [{ id: "reload-idle", name: "reload 4 idle, 100 ms boot", unit: "ms", ...row, limit, samples }];
};
