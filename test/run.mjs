// Runs the tests that a developer's machine can run, tier by tier, and says which ran. With CI=true a tier that cannot
// run is a failure. The system-manager tier (a container with systemd as PID 1) is `npm run test:system`.
//
//   node test/run.mjs [FILTER...]      VELOS_TIERS=unit,usermanager names the tiers
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";

const vitest = "node_modules/.bin/vitest";
const extra = process.argv.slice(2);
const has = (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

/** Why the private user manager cannot run here; undefined when it can. */
const noUserManager = () => {
  if (process.platform !== "linux") return "it needs Linux";
  if (process.getuid?.() !== 0) return "it needs root";
  const missing = ["unshare", "dbus-daemon", "systemctl", "journalctl"].filter((program) => !has(program));
  if (!existsSync("/lib/systemd/systemd")) missing.push("systemd");
  return missing.length > 0 ? `${missing.join(", ")} not found` : undefined;
};

/** Mostly waiting, so on two processors two managers of their own get through them in little more than half the time. */
const LANES = 2;

const tiers = [
  { name: "unit", about: "unit, property and contract tests", command: [vitest], config: "test/unit.config.ts" },
  {
    name: "process",
    about: "real processes on the spawn backend",
    command: ["test/harness/one-cpu-group.sh", vitest],
    config: "test/process.config.ts",
  },
  {
    name: "usermanager",
    about: "systemd, a private user manager",
    command: ["test/harness/user-manager.sh", vitest],
    config: "test/user-manager.config.ts",
    lanes: extra.length > 0 ? 1 : LANES,
    unable: noUserManager(),
  },
  {
    name: "measured",
    about: "systemd, what is measured, with nothing beside it",
    command: ["test/harness/user-manager.sh", vitest],
    config: "test/measured.config.ts",
    unable: noUserManager(),
  },
];

/** Runs a tier, or one lane of it; resolves with its exit status and, where it is not shown meanwhile, what it printed. */
const run = (tier, report, lane, isShown) =>
  new Promise((resolve) => {
    const { name, command, config, lanes = 1 } = tier;
    const [program, ...args] = command;
    rmSync(report, { force: true });
    const shard = lanes > 1 ? [`--shard=${lane}/${lanes}`] : [];
    // A filter may be meant for another tier.
    const child = spawn(
      program,
      [
        ...[...args, "run", "--config", config, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
        ...["--passWithNoTests", ...shard, ...extra],
      ],
      {
        stdio: ["ignore", isShown ? "inherit" : "pipe", isShown ? "inherit" : "pipe"],
        env: { ...process.env, VELOS_TEST_TIER: name },
      },
    );
    let printed = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text) => (printed += text));
    child.once("error", (error) => resolve({ status: 1, printed: `${error.message}\n` }));
    child.once("close", (status) => resolve({ status, printed }));
  });

const only = process.env.VELOS_TIERS?.split(",");
mkdirSync("test-output", { recursive: true });
let failed = false;
const summary = [];
for (const tier of tiers) {
  const { name, about, unable, lanes = 1 } = tier;
  if (only && !only.includes(name)) continue;
  if (unable) {
    summary.push(`${name}: not run, ${unable}`);
    if (process.env.CI === "true") failed = true;
    continue;
  }
  process.stdout.write(`\n== ${name}: ${about}\n`);
  const numbers = Array.from({ length: lanes }, (_, index) => index + 1);
  const reportOf = (lane) => `test-output/${name}${lanes > 1 ? `-${lane}` : ""}.json`;
  const outcomes = await Promise.all(numbers.map((lane) => run(tier, reportOf(lane), lane, lane === 1)));
  const counts = [0, 0, 0];
  let isWhole = true;
  for (const lane of numbers) {
    const { status, printed } = outcomes[lane - 1];
    process.stdout.write(printed);
    if (status !== 0) failed = true;
    if (!existsSync(reportOf(lane))) {
      isWhole = false;
      continue;
    }
    const result = JSON.parse(readFileSync(reportOf(lane), "utf8"));
    [result.numPassedTests, result.numFailedTests, result.numPendingTests].forEach((n, index) => (counts[index] += n));
  }
  const [passed, broken, skipped] = counts;
  summary.push(
    isWhole ? `${name}: ${passed} passed, ${broken} failed, ${skipped} skipped` : `${name}: a report is missing`,
  );
  if (!isWhole) failed = true;
}
process.stdout.write(`\n${summary.join("\n")}\n`);
process.exit(failed ? 1 : 0);
