import { existsSync, readFileSync } from "node:fs";
import { startServer } from "../harness/apps.mjs";
import { requestsPerSecond } from "../harness/load.mjs";
import { start } from "../harness/process.mjs";
import { appFile, freePort } from "../harness/apps.mjs";
import { makeMarks } from "../harness/marks.mjs";
import { interleaved, medians } from "../stats.mjs";

/** Processor time that each process has used, in seconds: utime and stime of proc(5), in hundredths. */
const processorSeconds = (pids) =>
  new Map(
    pids
      // velosd leaves meanwhile when nothing is asked of it.
      .filter((pid) => existsSync(`/proc/${pid}/stat`))
      .map((pid) => {
        const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1).split(" ");
        return [pid, (Number(fields[11]) + Number(fields[12])) / 100];
      }),
  );

/** Requests per second of two instances that do nothing, with one plain Node process beside them. */
export const measure = async ({ both, work, quick }) => {
  const ports = {};
  const pids = {};
  for (const manager of both) {
    const { name, port } = await startServer(manager, work, { instances: 2 });
    ports[manager.name] = port;
    // pm2's daemon is in the way of every connection, and velosd of none; both are counted.
    pids[manager.name] = [...(await manager.pids(name)), ...manager.controllerPids()];
  }
  ports.plain = freePort();
  const marks = makeMarks(work);
  const plain = start(process.execPath, [appFile("server.cjs")], {
    env: { ...process.env, ...marks.env, PORT: String(ports.plain) },
  });
  await marks.wait("listening", 1);
  pids.plain = [plain.pid];
  const rows = [];
  for (const keepAlive of [false, true]) {
    const perProcessorSecond = { velos: [], pm2: [], plain: [] };
    const rate = async (who) => {
      const durationMs = quick ? 2000 : 5000;
      const before = processorSeconds(pids[who]);
      const found = await requestsPerSecond({ port: ports[who], clients: 64, keepAlive, durationMs });
      const used = [...processorSeconds(pids[who])].reduce((sum, [pid, after]) => sum + after - before.get(pid), 0);
      perProcessorSecond[who].push((found * durationMs) / 1000 / used);
      return found;
    };
    const samples = await interleaved(quick ? 2 : 5, {
      velos: () => rate("velos"),
      pm2: () => rate("pm2"),
      plain: () => rate("plain"),
    });
    const id = `throughput-${keepAlive ? "keep-alive" : "connections"}`;
    const name = keepAlive ? "2 instances, requests, keep-alive" : "2 instances, new connections";
    const row = medians(samples);
    const twice = ({ velos, pm2 }) => ({ text: "≥ 2 × pm2's", holds: velos >= 2 * pm2 });
    rows.push({ id, name, unit: "/s", better: "higher", ...row, ...(!keepAlive && { limit: twice(row) }), samples });
    // The generator needs the same for each request, and on a small machine that is half of all there is: what the
    // servers could do beside it shows in what they use.
    const used = medians(perProcessorSecond);
    rows.push({
      id: `${id}-per-processor-second`,
      name: `${name}, by a second of processor time`,
      unit: "",
      better: "higher",
      ...used,
      ...(!keepAlive && { limit: twice(used) }),
      samples: perProcessorSecond,
    });
  }
  plain.kill("SIGKILL");
  return rows;
};
