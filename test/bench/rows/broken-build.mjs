import { copyFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { appFile, startServer } from "../harness/apps.mjs";
import { startLoad } from "../harness/load.mjs";

const attempt = async (manager, work) => {
  const directory = mkdtempSync(join(work, "broken-"));
  const script = join(directory, "server.cjs");
  for (const file of ["server.cjs", "mark.cjs"]) copyFileSync(appFile(file), join(directory, file));
  const { name, port, marks } = await startServer(manager, work, { script });
  const load = startLoad({ port, clients: 16, keepAlive: false });
  await delay(500);
  writeFileSync(script, 'throw new Error("a broken build");\n');
  const { code, ms } = await manager.reload(name);
  await delay(2000);
  const serving = marks.alive("listening").length;
  const report = await load.stop();
  await manager.deleteAll();
  return { code, ms, serving, lost: report.failed + report.hung, report };
};

/** `reload` after the app's file was replaced by one that throws. */
export const measure = async ({ velos, pm2, work }) => {
  const outcome = { velos: await attempt(velos, work), pm2: await attempt(pm2, work) };
  const row = (key, name, unit, more) => ({
    id: `broken-${key}`,
    name: `reload to a build that throws: ${name}`,
    unit,
    velos: outcome.velos[key],
    pm2: outcome.pm2[key],
    ...more,
  });
  return [
    row("code", "exit code", "", {
      better: "higher",
      limit: { text: "1", holds: outcome.velos.code === 1 },
    }),
    row("serving", "instances of 4 that serve after", "", { better: "higher" }),
    row("lost", "requests failed or hung", "", {
      limit: { text: "0", holds: outcome.velos.lost === 0 },
      reports: { velos: outcome.velos.report, pm2: outcome.pm2.report },
    }),
    row("ms", "until it says so", "ms", { info: true }),
  ];
};
