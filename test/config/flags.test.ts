import { describe, expect, it } from "vitest";
import type { AppInput } from "../../src/config/flags.ts";
import { appFromFlags, splitEnvFlags } from "../../src/config/flags.ts";
import { overlay } from "../../src/config/overlay.ts";
import { errorOf } from "./error-of.ts";

describe("appFromFlags", () => {
  it("reads texts by the table of velos.toml", async () => {
    const draft = await appFromFlags(
      {
        script: "app.js",
        args: ["a b", "--x"],
        instances: "4",
        kill_timeout: "5s",
        max_restarts: "3",
        max_memory_restart: "300M",
        wait_ready: true,
        watch: true,
        autorestart: false,
        env: { A: "1" },
        env_file: [".env"],
        cwd: "sub",
        user: undefined,
      },
      "/home/u",
      "api",
    );
    expect(draft).toMatchObject({ name: "api", baseDir: "/home/u" });
    expect(draft.settings).toEqual({
      script: "app.js",
      args: ["a b", "--x"],
      instances: { kind: "exact", count: 4 },
      killTimeoutMs: 5000,
      maxRestarts: 3,
      maxMemoryRestartBytes: 314_572_800,
      waitReady: true,
      watch: true,
      autorestart: false,
      env: { A: "1" },
      envFile: ["/home/u/.env"],
      cwd: "/home/u/sub",
    });
    expect(draft.where("user")).toBe("--uid");
  });

  // prettier-ignore
  it.each<[AppInput, string, string]>([
    [{ instances: "0" }, "--instances: '0' is not a number of instances: an app has at least one instance; `velos stop` stops it", "write a number from 1 to 1000, or max"],
    [{ instances: "-1" }, "--instances: '-1' is not a number of instances: a new app needs a number, not a difference", "write a number from 1 to 1000, or max"],
    [{ instances: "10000" }, "--instances: '10000' is not a number of instances: 1000 is the limit", "write a number from 1 to 1000, or max"],
    [{ instances: "four" }, "--instances: 'four' is not a number of instances: it is neither a number nor max", "write a number from 1 to 1000, or max"],
    [{ kill_timeout: "5 parsecs" }, '--kill-timeout: should be a duration from 1ms to 24d, not "5 parsecs"', "for example 5s"],
    [{ max_memory_restart: "1" }, '--max-memory: should be a size of at least 1M, not "1"', "for example 300M"],
    [{ max_restarts: "many" }, '--max-restarts: should be a whole number from 0 to 1000000, not "many"', "for example 15"],
    [{ cron_restart: "99 * * * *" }, '--cron-restart: "99 * * * *": invalid value for minute: 99', 'five fields: minute hour day month weekday, such as "0 3 * * *" (every day at three)'],
    [{ max_restarts: "x", kill_timeout: "y" }, '--max-restarts: should be a whole number from 0 to 1000000, not "x"', "for example 15; 1 more problem after this one"],
  ])("%j is refused", async (input, message, hint) => {
    expect(await errorOf(appFromFlags(input, "/"))).toEqual(["CONFIG_INVALID", message, hint]);
  });

  it("refuses bad names", async () => {
    expect((await errorOf(appFromFlags({}, "/", "a b")))[0]).toBe("APP_NAME_INVALID");
  });
});

describe("splitEnvFlags", () => {
  it("tells variables from a profile", () => {
    expect(splitEnvFlags(["A=1", "B=x=y", "production", "C="])).toEqual({
      env: { A: "1", B: "x=y", C: "" },
      profile: "production",
    });
    expect(splitEnvFlags([])).toEqual({ env: {} });
  });

  it.each([
    [["A-B=1"], "--env: 'A-B' cannot be a variable's name"],
    [["=1"], "--env: '' cannot be a variable's name"],
    [["a", "b"], "--env: there are two profiles, a and b"],
    [[""], "--env: it is empty"],
  ])("refuses %j", async (flags, message) => {
    const split = async (): Promise<unknown> => splitEnvFlags(flags);
    expect((await errorOf(split()))[1]).toBe(message);
  });
});

describe("overlay", () => {
  it("lays flags over an app of the file", async () => {
    const base = {
      name: "api",
      settings: { script: "a.js", maxRestarts: 3, env: { A: "1", B: "1" }, profiles: { p: { A: "p", C: "p" } } },
      baseDir: "/srv",
      where: (key: string) => `velos.toml:1:${key.length}`,
    };
    const over = await appFromFlags({ instances: "8", env: { A: "flag" } }, "/home");
    const merged = overlay(base, over);
    expect(merged).toMatchObject({ name: "api", baseDir: "/srv" });
    expect(merged.settings).toEqual({
      script: "a.js",
      maxRestarts: 3,
      instances: { kind: "exact", count: 8 },
      env: { A: "flag", B: "1" },
      profiles: { p: { A: "flag", C: "p" } },
    });
    expect([merged.where("instances"), merged.where("script")]).toEqual(["--instances", "velos.toml:1:6"]);
    expect(overlay(base, await appFromFlags({ command: ["x"] }, "/")).settings.script).toBeUndefined();
  });
});
