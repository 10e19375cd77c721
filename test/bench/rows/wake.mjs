import { startWorkers } from "../harness/apps.mjs";
import { run } from "../harness/process.mjs";
import { interleaved, median } from "../stats.mjs";

/** The first command after velosd has left: its socket is there, and starts it. Beside one that finds velosd there. */
export const measure = async ({ velos, work, quick }) => {
  await startWorkers(velos, work, 4);
  // As its leaving does: what it leaves behind is its socket.
  const leave = () => run("systemctl", ["--user", "stop", "velosd.service"]);
  // Compiled code is kept when a velosd ends; the first of a build has none.
  await leave();
  await velos.list();
  const samples = await interleaved(quick ? 5 : 25, {
    // What no program for Node can do without, and most of what this takes on a slow machine.
    plain: async () => (await run(process.execPath, ["-e", "0"])).ms,
    warm: async () => (await velos.list()).ms,
    cold: async () => {
      await leave();
      return (await velos.list()).ms;
    },
  });
  await velos.deleteAll();
  const more = median(samples.cold) - median(samples.warm);
  return [
    { id: "wake-warm", name: "list while velosd is there", unit: "ms", velos: median(samples.warm), info: true },
    {
      id: "wake",
      name: "list that wakes velosd: more",
      unit: "ms",
      velos: more,
      plain: median(samples.plain),
      limit: { text: "≤ 150 ms", holds: more <= 150 },
      samples,
    },
  ];
};
