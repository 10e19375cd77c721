import { startWorkers } from "../harness/apps.mjs";
import { run } from "../harness/process.mjs";
import { interleaved, medians } from "../stats.mjs";

/** `list` of four instances, as a person waits for it, with Node alone beside it. */
export const measure = async ({ velos, pm2, both, work, quick }) => {
  for (const manager of both) await startWorkers(manager, work, 4);
  const samples = await interleaved(quick ? 5 : 25, {
    plain: async () => (await run(process.execPath, ["-e", "0"])).ms,
    velos: async () => (await velos.list()).ms,
    pm2: async () => (await pm2.list()).ms,
  });
  const row = medians(samples);
  const limit = { text: "≤ 1.4 × node -e 0", holds: row.velos <= 1.4 * row.plain };
  return [{ id: "list", name: "list, 4 instances", unit: "ms", ...row, limit, samples }];
};
