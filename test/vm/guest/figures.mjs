// Runs in the virtual machine: apps under the system manager, and their figures by velos and by systemd, as one line of
// JSON on the standard output.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const velos = (...words) => execFileSync("node", ["/src/dist/velos.cjs", "--system", ...words], { encoding: "utf8" });
const tryVelos = (...words) => {
  try {
    return velos(...words);
  } catch (error) {
    return error.stderr;
  }
};
const systemctl = (...words) => execFileSync("systemctl", words, { encoding: "utf8" }).trim();
const shown = (unit, name) => Number(systemctl("show", "--value", "-p", name, unit));

/** Two children that take a quarter of a processor each; the main process does nothing. */
writeFileSync(
  "/src/burner.mjs",
  `import { fork } from "node:child_process";
const spin = (ms) => { for (const end = performance.now() + ms; performance.now() < end; ); };
if (process.argv[2] === "child") setInterval(() => spin(25), 100);
else for (let n = 0; n < 2; n++) fork(process.argv[1], ["child"]);
setInterval(() => {}, 1000);
`,
);
/** 200 MB, every page of it written. */
writeFileSync(
  "/src/holder.mjs",
  "globalThis.held = Buffer.alloc(200 * 1024 * 1024, 1); setInterval(() => {}, 1000);\n",
);
/** More than it may have, after a while. */
writeFileSync(
  "/src/eater.mjs",
  "const held = []; setTimeout(() => setInterval(() => held.push(Buffer.alloc(16 * 1024 * 1024, 1)), 50), 3000);\n",
);

/** The samples of a scrape, by name and labels as they are written. */
const scrape = () =>
  Object.fromEntries(
    velos("metrics", "--once")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );

velos("start", "/src/burner.mjs", "--name", "burn");
velos("start", "/src/holder.mjs", "--name", "hold", "--memory-max", "1G");
velos("start", "/src/eater.mjs", "--name", "eat", "--memory-max", "150M", "--restart-delay", "60s");
scrape();
for (let waited = 0; waited < 120; waited++) {
  await delay(1000);
  if (shown("velos-hold@0.service", "MemoryCurrent") < 200e6 || shown("velos-burn@0.service", "CPUUsageNSec") < 10e9)
    continue;
  if (!systemctl("show", "--value", "-p", "Result", "velos-eat@0.service").includes("success")) break;
}
const units = { burn: "velos-burn@0.service", hold: "velos-hold@0.service" };
// Standing still, so that both readings are of the same moment.
for (const unit of Object.values(units)) systemctl("kill", "--signal=SIGSTOP", unit);
await delay(1000);
const samples = scrape();
const systemd = Object.fromEntries(
  Object.entries(units).map(([name, unit]) => [
    name,
    { cpuSeconds: shown(unit, "CPUUsageNSec") / 1e9, memoryBytes: shown(unit, "MemoryCurrent") },
  ]),
);
const children = systemctl("show", "--value", "-p", "TasksCurrent", units.burn);
for (const unit of Object.values(units)) systemctl("kill", "--signal=SIGCONT", unit);
process.stdout.write(
  `figures ${JSON.stringify({ samples, systemd, tasks: Number(children), version: systemctl("--version").split("\n")[0] })}\n`,
);
process.stdout.write(
  `${tryVelos("metrics", "--once")
    .split("\n")
    .filter((line) => line.includes("eat"))
    .join("\n")}\n`,
);
tryVelos("delete", "all");
tryVelos("kill");
