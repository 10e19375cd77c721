import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { appEnvironment, checkProfile } from "../../src/config/environment.ts";
import { flagOf } from "../../src/config/schema.ts";
import type { AppDraft, AppSettings } from "../../src/config/settings.ts";
import { errorOf } from "./error-of.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "velos-environment-"));
  await writeFile(join(directory, "one"), "A=one\nB=one\nC=one\nLANG=one\n");
  await writeFile(join(directory, "two"), "B=two\n");
});

const draft = (settings: AppSettings): AppDraft => ({ settings, baseDir: "/", where: flagOf });
const account = { name: "u", home: "/home/u" };
const caller = {
  PATH: "/usr/bin:/bin",
  HOME: "/root",
  USER: "root",
  LANG: "de_DE.UTF-8",
  LC_ALL: "C",
  TZ: "UTC",
  SECRET: "s",
  SHLVL: "2",
  NOTIFY_SOCKET: "/run/n",
  LISTEN_FDS: "1",
  VELOS_APP: "other",
  NODE_APP_INSTANCE: "3",
  NODE_CHANNEL_FD: "3",
  SSH_TTY: "/dev/pts/1",
  npm_lifecycle_event: "x",
  "BASH_FUNC_f%%": "() { :; }",
  GONE: undefined,
};

describe("appEnvironment", () => {
  it("is clean", async () => {
    expect(await appEnvironment(draft({}), caller, account)).toEqual({
      env: { PATH: "/usr/bin:/bin", HOME: "/home/u", USER: "u", LOGNAME: "u", LANG: "de_DE.UTF-8", TZ: "UTC" },
      secretEnv: {},
    });
    expect((await appEnvironment(draft({}), {}, account)).env).toEqual({
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/home/u",
      USER: "u",
      LOGNAME: "u",
    });
  });

  it("finds the interpreter on PATH", async () => {
    const pathFor = async (interpreter: string): Promise<string | undefined> =>
      (await appEnvironment(draft({}), caller, account, { interpreter })).env["PATH"];
    expect(await pathFor("/bin/sh")).toBe("/usr/bin:/bin");
    expect(await pathFor("/srv/venv/bin/python")).toBe("/srv/venv/bin:/usr/bin:/bin");
  });

  it("has env files beneath env beneath the profile, each name once", async () => {
    const settings = {
      envFile: [join(directory, "one"), join(directory, "two")],
      env: { C: "env", D: "env", E: "a\n$HOME %n é" },
      profiles: { production: { D: "profile" }, other: { D: "other" } },
    };
    const { env, secretEnv } = await appEnvironment(draft(settings), caller, account, { profile: "production" });
    expect(env).toEqual({
      PATH: "/usr/bin:/bin",
      HOME: "/home/u",
      USER: "u",
      LOGNAME: "u",
      TZ: "UTC",
      C: "env",
      D: "profile",
      E: "a\n$HOME %n é",
    });
    expect(secretEnv).toEqual({ A: "one", B: "two", LANG: "one" });
  });

  it("inherits what is not the caller's alone, as secrets", async () => {
    const { env, secretEnv } = await appEnvironment(draft({ inheritEnv: true, env: { LC_ALL: "x" } }), caller, account);
    expect(env).toMatchObject({ HOME: "/home/u", USER: "u", LC_ALL: "x" });
    expect(secretEnv).toEqual({ SECRET: "s" });
  });
});

describe("checkProfile", () => {
  const check = async (profile: string, ...drafts: AppDraft[]): Promise<void> => checkProfile(drafts, profile);

  it("wants the profile in one app at least", async () => {
    const drafts = [draft({}), draft({ profiles: { staging: {}, production: {} } })];
    await check("production", ...drafts);
    expect(await errorOf(check("prod", ...drafts))).toEqual([
      "CONFIG_INVALID",
      "--env: there is no profile 'prod'",
      "there are production, staging",
    ]);
    expect(await errorOf(check("prod", draft({})))).toEqual([
      "CONFIG_INVALID",
      "--env: there is no profile 'prod'",
      "add a table [apps.<name>.env_prod], or set a variable with --env NAME=VALUE",
    ]);
    expect((await errorOf(check("toString", ...drafts)))[0]).toBe("CONFIG_INVALID");
  });
});
