// The bench itself, run by run.mjs under a private user manager.
import { readFileSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { endAll } from "./harness/process.mjs";
import { makePm2 } from "./harness/pm2.mjs";
import { makeVelos } from "./harness/velos.mjs";
import { judge } from "./judge.mjs";
import { tableText } from "./table.mjs";

const { BENCH_WORK: work, BENCH_ONLY: only, BENCH_QUICK: quick } = process.env;
for (const name of ["BENCH_WORK", "BENCH_ONLY", "BENCH_QUICK"]) delete process.env[name];

const velos = makeVelos(join(work, "dist"), join(work, "velos"));
const pm2 = makePm2(join(work, "pm2", "node_modules", "pm2"), join(work, "home-of-pm2"));
const closeAll = async () => {
  endAll();
  await Promise.allSettled([velos.close(), pm2.close()]);
};

const rows = [];
const failures = [];
const loadBefore = loadavg();

/** The table and the file, of what was measured so far. */
const tell = () => {
  const about = {
    velos: JSON.parse(readFileSync("package.json", "utf8")).version,
    pm2: pm2.version,
    node: process.version,
    processors: cpus().length,
    processor: cpus()[0]?.model,
    // What else the machine had to do: absolute times mean little where this is high.
    load: { before: loadBefore, after: loadavg() },
    quick: Boolean(quick),
  };
  writeFileSync("test-output/bench.json", `${JSON.stringify({ ...about, rows, failures }, undefined, 2)}\n`);
  process.stdout.write(`${tableText(rows, about)}\n`);
};

// The other end of the pipe is run.mjs: when it has gone, or was told to stop, so is this.
let interrupted = false;
const interrupt = async () => {
  if (interrupted) return;
  interrupted = true;
  await closeAll();
  if (rows.length > 0) tell();
  process.exit(130);
};
new Socket({ fd: 3 }).on("end", interrupt).on("error", interrupt).resume().unref();
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, interrupt);

for (const name of only.split(",")) {
  const { measure } = await import(`./rows/${name}.mjs`);
  const began = Date.now();
  try {
    rows.push(...(await measure({ velos, pm2, both: [velos, pm2], work, quick: Boolean(quick) })).map(judge));
  } catch (error) {
    if (interrupted) break;
    failures.push(name);
    console.error(`bench: ${name}: ${error.stack ?? error}`);
  } finally {
    if (!interrupted) await Promise.allSettled([velos.deleteAll(), pm2.deleteAll()]);
  }
  process.stderr.write(`bench: ${name} took ${Math.round((Date.now() - began) / 1000)} s\n`);
}
if (!interrupted) {
  await closeAll();
  tell();
  process.exit(failures.length > 0 ? 1 : 0);
}
