// `npm run bench`: velos against the current pm2, the same apps on the same machine in the same run. Prints one table
// and writes test-output/bench.json. Needs root and a private user manager, see test/harness/user-manager.sh.
//
//   npm run bench -- [--only list,start] [--quick] [--pm2 VERSION]
//
// pm2 is installed with npm into a temporary directory and has its own PM2_HOME; velos is built into the same place, so
// that a build that runs meanwhile changes nothing. Nothing is left behind, also when it is interrupted.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { rowFiles } from "./row-files.mjs";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    pm2: { type: "string", default: "latest" },
  },
});
const only = values.only?.split(",") ?? rowFiles;
const unknown = only.filter((name) => !rowFiles.includes(name));
if (unknown.length > 0) {
  console.error(`bench: no such rows: ${unknown.join(", ")}; there are ${rowFiles.join(", ")}`);
  process.exit(2);
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const work = mkdtempSync(join(tmpdir(), "velos-bench-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

/** What is to be told when this process is: a step, or what runs inside. */
let stop = () => {};
let interrupted = 0;
for (const [signal, exitCode] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.on(signal, () => {
    interrupted ||= exitCode;
    stop();
  });
}

const step = async (about, program, args) => {
  process.stderr.write(`bench: ${about}\n`);
  const child = spawn(program, args, { cwd: root, stdio: ["ignore", 2, 2] });
  stop = () => child.kill();
  const [code, signal] = await once(child, "exit");
  if (interrupted) process.exit(interrupted);
  if (code === 0) return;
  console.error(`bench: ${program} ended with ${signal ?? `status ${code}`}`);
  process.exit(1);
};
await step("building velos", process.execPath, ["esbuild.config.mjs", join(work, "dist")]);
const quietly = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
await step(`installing pm2@${values.pm2}`, "npm", [
  "install",
  "--prefix",
  join(work, "pm2"),
  ...quietly,
  `pm2@${values.pm2}`,
]);

mkdirSync(join(root, "test-output"), { recursive: true });
const inside = spawn(
  join(root, "test/harness/user-manager.sh"),
  [process.execPath, fileURLToPath(new URL("inside.mjs", import.meta.url))],
  {
    cwd: root,
    // A process group of its own, so that Ctrl-C reaches this process alone. It closes the pipe, as does its own end,
    // whatever that is: what runs inside then ends what it started, and itself.
    detached: true,
    stdio: ["ignore", "inherit", "inherit", "pipe"],
    env: { ...process.env, BENCH_WORK: work, BENCH_ONLY: only.join(","), BENCH_QUICK: values.quick ? "1" : "" },
  },
);
stop = () => inside.stdio[3].destroy();
inside.on("exit", (code) => process.exit(interrupted || (code ?? 1)));
