// Runs the tests that a developer's machine can run, tier by tier, and says which ran. With CI=true a tier that cannot
// run is a failure. The system-manager tier (a container with systemd as PID 1) is `npm run test:system`.
import { spawnSync } from "node:child_process";
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
    unable: noUserManager(),
  },
];

const only = process.env.VELOS_TIERS?.split(",");
mkdirSync("test-output", { recursive: true });
let failed = false;
const summary = [];
for (const { name, about, command, config, unable } of tiers) {
  if (only && !only.includes(name)) continue;
  const report = `test-output/${name}.json`;
  rmSync(report, { force: true });
  if (unable) {
    summary.push(`${name}: not run, ${unable}`);
    if (process.env.CI === "true") failed = true;
    continue;
  }
  process.stdout.write(`\n== ${name}: ${about}\n`);
  const [program, ...args] = command;
  const { status } = spawnSync(
    program,
    [
      ...args,
      "run",
      "--config",
      config,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
      ...extra,
    ],
    {
      stdio: "inherit",
      env: { ...process.env, VELOS_TEST_TIER: name },
    },
  );
  if (status !== 0) failed = true;
  const result = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : undefined;
  summary.push(
    result
      ? `${name}: ${result.numPassedTests} passed, ${result.numFailedTests} failed, ${result.numPendingTests} skipped`
      : `${name}: no report`,
  );
}
process.stdout.write(`\n${summary.join("\n")}\n`);
process.exit(failed ? 1 : 0);
