// Tells the bench how far this process has come: a file per process and event, moved into place so that it is whole.
const { renameSync, writeFileSync } = require("node:fs");

exports.mark = (kind) => {
  const directory = process.env.BENCH_MARKS;
  if (!directory) return;
  const at = Number(process.hrtime.bigint()) / 1e6;
  const sinceStartMs = performance.now();
  const { user, system } = process.cpuUsage();
  const path = `${directory}/${process.pid}`;
  writeFileSync(`${path}.part-${kind}`, JSON.stringify({ at, sinceStartMs, cpuMs: (user + system) / 1000 }));
  renameSync(`${path}.part-${kind}`, `${path}.${kind}`);
};
