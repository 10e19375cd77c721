import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// The built CLI as a shell runs it: pipes that close, signals, and a velosd that cannot be had.
const program = join(import.meta.dirname, "../../dist/velos.cjs");
let home: string;
const velos = (...argv: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [program, "--backend", "spawn", ...argv], {
    cwd: home,
    encoding: "utf8",
    env: { ...process.env, VELOS_HOME: home },
  });

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "velos-cli-"));
  writeFileSync(
    join(home, "slow.mjs"),
    'process.on("SIGTERM", () => setTimeout(() => process.exit(0), 3000)); setInterval(() => {}, 1000);',
  );
  expect(velos("start", "slow.mjs", "--name", "slow", "-i", "2").status).toBe(0);
});
afterAll(() => {
  velos("delete", "all");
  velos("kill");
  rmSync(home, { recursive: true, force: true });
});

describe("velos in a shell", () => {
  const shell = (line: string): ReturnType<typeof velos> =>
    spawnSync("bash", ["-c", `set -o pipefail; velos() { "${process.execPath}" "${program}" "$@"; }; ${line}`], {
      cwd: home,
      encoding: "utf8",
      timeout: 30_000,
      env: { ...process.env, VELOS_HOME: home },
    });

  it("says nothing when the reader of its output goes", () => {
    for (const line of [
      "velos list | head -1",
      "velos list --json | true",
      "velos start --help | head -1",
      "velos list --watch | head -1",
    ]) {
      expect({ line, ...shell(line) }).toMatchObject({ line, status: 0, stderr: "" });
    }
  });

  it("--version answers, also behind options", () => {
    const answer = { status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string };
    expect(velos("--version")).toMatchObject(answer);
    expect(shell("velos --version")).toMatchObject(answer);
  });

  it.each([
    ["SIGINT", ["logs", "-f"], 130, ""],
    ["SIGINT", ["list", "--watch"], 130, ""],
    ["SIGTERM", ["logs", "-f"], 143, ""],
    ["SIGINT", ["stop", "slow"], 130, "velos: velosd goes on with it; `velos list --watch` shows how far it is\n"],
  ] as const)("ends on %s during %j with %i", async (signal, argv, expected, says) => {
    const child = spawn(process.execPath, [program, ...argv], { env: { ...process.env, VELOS_HOME: home } });
    let err = "";
    child.stderr.on("data", (data: Buffer) => (err += data.toString()));
    child.stdout.resume();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    child.kill(signal);
    const code = await new Promise((resolve) => child.on("exit", (exitCode) => resolve(exitCode)));
    expect([code, argv.includes("--watch" as never) ? "" : err]).toEqual([expected, says]);
  });

  it("tells with code 4 why velosd cannot be had, and doctor shows it", () => {
    const env = { ...process.env, VELOS_HOME: "/dev/null/velos" };
    const run = (...argv: string[]): ReturnType<typeof velos> =>
      spawnSync(process.execPath, [program, "--backend", "spawn", ...argv], { encoding: "utf8", env, timeout: 20_000 });
    const { status, stdout, stderr } = run("list");
    expect([status, stdout]).toEqual([4, ""]);
    expect(stderr).toMatch(/^velos: cannot reach velosd: .+\n {2}.+\n$/);
    const doctor = run("doctor");
    expect(doctor.status).toBe(1);
    expect(doctor.stdout).toMatch(/^ok {2}socket +\/dev\/null\/velos\/run\/velosd\.sock$/m);
    expect(doctor.stdout).toMatch(/^!! {2}problem +cannot reach velosd: /m);
  });
});
