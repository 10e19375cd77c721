import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "plist";
import { afterEach, beforeEach, expect, test } from "vitest";
import { quoted, removeJobFiles, writeJob } from "../../../src/backend/launchd/job-files.ts";
import { domainsOf, labelOf, secretsPath } from "../../../src/backend/launchd/names.ts";
import type { AppSpec } from "../../../src/domain/app.ts";
import type { Scope } from "../../../src/backend/backend.ts";
import { makeSpec } from "../programs.ts";

let stateDir = "";
beforeEach(() => (stateDir = mkdtempSync(join(tmpdir(), "velos-jobs-"))));
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

interface Written {
  path: string;
  job: Record<string, unknown> & { ProgramArguments: string[]; EnvironmentVariables: Record<string, string> };
  secrets: string | undefined;
}

const write = (spec: AppSpec, env: Record<string, string>, pidVariable?: string, scope: Scope = "user"): Written => {
  const request = { spec, index: 2, run: "r", env, pidVariable, logPath: join(stateDir, "2.log") };
  const path = writeJob(request, { stateDir, scope, account: undefined });
  const secrets = secretsPath(stateDir, labelOf(spec.name, 2));
  const job = parse(readFileSync(path, "utf8")) as Written["job"];
  return { path, job, secrets: existsSync(secrets) ? secrets : undefined };
};

test("a job says what runs, in words that launchd reads", () => {
  const spec = makeSpec("api", ["/bin/sleep", "10 <&>"], { killTimeoutMs: 1500, cwd: "/tmp" });
  const { job, path, secrets } = write(spec, { A: "1" });
  expect(job).toEqual({
    Label: "velos.api.2",
    ProgramArguments: ["/bin/sleep", "10 <&>"],
    WorkingDirectory: "/tmp",
    EnvironmentVariables: { A: "1" },
    StandardOutPath: join(stateDir, "2.log"),
    StandardErrorPath: join(stateDir, "2.log"),
    RunAtLoad: false,
    ExitTimeOut: 2,
    ProcessType: "Interactive",
    LimitLoadToSessionType: ["Aqua", "Background"],
  });
  expect(secrets).toBeUndefined();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("only the system's launchd is told a user", () => {
  const spec = makeSpec("api", ["/bin/sleep"], { user: "nobody", group: "nogroup", killTimeoutMs: 0 });
  // 0 seconds would be without end.
  expect(write(spec, {}, undefined, "system").job).toMatchObject({
    UserName: "nobody",
    GroupName: "nogroup",
    ExitTimeOut: 1,
  });
  expect(write(spec, {}).job).not.toHaveProperty("UserName");
});

test("secrets are in a file for the user alone, and nowhere in the property list", () => {
  const spec = makeSpec("api", ["/bin/sleep"], { secretEnv: { TOKEN: "s3cret" } });
  const { path, job, secrets } = write(spec, { TOKEN: "s3cret", A: "1" });
  expect(readFileSync(path, "utf8")).not.toContain("s3cret");
  expect(job.EnvironmentVariables).toEqual({ A: "1" });
  expect(job.ProgramArguments.at(-1)).toBe("/bin/sleep");
  expect(statSync(secrets!).mode & 0o777).toBe(0o600);
  removeJobFiles(stateDir, "velos.api.2");
  expect([path, secrets!].map((file) => existsSync(file))).toEqual([false, false]);
});

test("whatever arguments and variables are, the process gets them as they are", () => {
  const show = "process.stdout.write(JSON.stringify([process.argv.slice(1), process.env]))";
  // Without NUL, which no process can be given.
  const text = fc.string({ unit: "binary" }).filter((it) => !it.includes("\0"));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 3 }), text, text, (args, plain, secret) => {
      const spec = makeSpec("api", [process.execPath, "-e", show, "--", ...args], { secretEnv: { SECRET: secret } });
      const { job } = write(spec, { PLAIN: plain, SECRET: secret }, "MY_PID");
      const [program, ...words] = job.ProgramArguments;
      const output = execFileSync(program!, words, { env: job.EnvironmentVariables, encoding: "utf8" });
      const [seen, env] = JSON.parse(output) as [string[], Record<string, string>];
      expect(seen).toEqual(args);
      expect(env).toEqual({ PLAIN: plain, SECRET: secret, MY_PID: expect.stringMatching(/^\d+$/) });
    }),
    { numRuns: 25 },
  );
});

test("a secret that a shell cannot be told is refused, by name", () => {
  const spec = makeSpec("api", ["/bin/sleep"], { secretEnv: { "a.b": "s" } });
  expect(() => write(spec, { "a.b": "s" })).toThrow("a.b");
});

test("a word for the shell is read as it was", () => {
  expect(quoted("it's")).toBe(`'it'\\''s'`);
});

test("where jobs are", () => {
  expect(labelOf("api.1", 0)).toBe("velos.api.1.0");
  expect(domainsOf("system", 0)).toEqual(["system"]);
  expect(domainsOf("user", 501)).toEqual(["gui/501", "user/501"]);
});
