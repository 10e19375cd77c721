import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Outcome } from "./systemd/velos.ts";
import { runVelos, succeeded } from "./systemd/velos.ts";

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "velos-export-"));
  writeFileSync(join(home, "env"), "TOKEN=s3cret-variable\n");
  writeFileSync(
    join(home, "velos.toml"),
    `[apps.api]\nscript = "sleep 1000"\nenv_file = "env"\n[apps.api.credentials]\nkey = { text = "s3cret-text" }\n`,
  );
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** `velos export systemd`, of the file, by which no velosd is needed. */
const exportSystemd = async (...args: string[]): Promise<Outcome> => {
  const env = { PATH: process.env["PATH"], HOME: home, VELOS_HOME: home, NO_COLOR: "1" };
  return succeeded(await runVelos(["export", "systemd", "-f", "velos.toml", ...args], { cwd: home, env }));
};
const mode = (path: string): number => statSync(path).mode & 0o777;

it("prints no secrets, and says so", async () => {
  const { stdout, stderr } = await exportSystemd();
  expect(stdout).toContain("LoadCredential=key:");
  expect(stdout + stderr).not.toContain("s3cret");
  expect(stderr).toContain("secrets are not printed");
});

it("with --force makes files of secrets that everybody may read ones of the user alone", async () => {
  const secrets = { "api.env": "s3cret-variable", "api.credentials/key": "s3cret-text" };
  const out = join(home, "out");
  mkdirSync(join(out, "api.credentials"), { recursive: true });
  for (const name of Object.keys(secrets)) {
    writeFileSync(join(out, name), "old");
    chmodSync(join(out, name), 0o644);
  }
  await exportSystemd("-o", "out", "--force");
  for (const [name, secret] of Object.entries(secrets)) {
    expect(readFileSync(join(out, name), "utf8")).toContain(secret);
    expect([name, mode(join(out, name))]).toEqual([name, 0o600]);
  }
  expect(readdirSync(out, { recursive: true }).sort()).toEqual([
    "api-reload.service",
    "api.credentials",
    "api.credentials/key",
    "api.env",
    "api.target",
    "api@.service",
  ]);
});
