import { mkdtemp, realpath, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { AppInput } from "../../src/config/flags.ts";
import { appFromFlags } from "../../src/config/flags.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { ResolveContext, ResolvedApp } from "../../src/config/resolve.ts";
import { resolveApp, resolveApps } from "../../src/config/resolve.ts";
import type { AppSpec } from "../../src/domain/app.ts";
import { errorOf } from "./error-of.ts";

let home: string;
beforeAll(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), "velos-resolve-")));
  await writeFile(join(home, "app.js"), "");
});

const users = {
  u: { name: "u", uid: 1000, home: "/home/u" },
  "www-data": { name: "www-data", uid: 33, home: "/var/www" },
};
const context: ResolveContext = {
  env: { PATH: "/nowhere", LANG: "C.UTF-8" },
  caller: { name: "u", uid: 1000, home: "/home/u" },
  execPath: "/opt/node/bin/node",
  scope: "user",
  accounts: {
    user: async (name) => users[name as keyof typeof users],
    group: async (name) => (name === "www-data" ? { name, gid: 33 } : undefined),
  },
};
const system: ResolveContext = { ...context, scope: "system", caller: { name: "root", uid: 0, home: "/root" } };

const resolve = async (input: AppInput, other: Partial<ResolveContext> = {}, name?: string): Promise<ResolvedApp> =>
  resolveApp(await appFromFlags({ script: "app.js", ...input }, home, name), { ...context, ...other });

describe("resolveApp", () => {
  it("completes the spec", async () => {
    expect(await resolve({ args: ["a b"] })).toEqual<ResolvedApp>({
      spec: {
        name: "app",
        program: "/opt/node/bin/node",
        args: [join(home, "app.js"), "a b"],
        script: join(home, "app.js"),
        interpreter: "node",
        cwd: home,
        env: { PATH: "/opt/node/bin:/nowhere", HOME: "/home/u", USER: "u", LOGNAME: "u", LANG: "C.UTF-8" },
        secretEnv: {},
        autorestart: true,
        maxRestarts: 15,
        minUptimeMs: 1000,
        restartDelayMs: 10,
        expBackoffRestartDelayMs: 0,
        killTimeoutMs: 5000,
        killSignal: "SIGTERM",
        waitReady: false,
        listenTimeoutMs: 10_000,
        stopExitCodes: [],
        listen: [],
        maxConnectionAgeMs: 10_000,
        shutdownWithMessage: false,
        watch: [],
        watchIgnore: [],
        logMaxBytes: 10_485_760,
        logKeep: 5,
        rollout: { minReadyMs: 0, deadlineMs: 60_000, onFailure: "revert" },
        systemd: {},
      },
      instances: { kind: "exact", count: 1 },
      instancesGiven: false,
    });
  });

  it("carries every setting over", async () => {
    await writeFile(join(home, ".env"), "TOKEN=secret\n");
    await writeFile(
      join(home, "velos.toml"),
      `[apps.api]
      script = "app.js"
      instances = "max"
      user = "www-data"
      group = "www-data"
      sandbox.profile = "strict"
      sandbox.write = "data"
      credentials.db = "db.key"
      autorestart = false
      max_restarts = 1
      min_uptime = 2
      restart_delay = 3
      exp_backoff_restart_delay = 4
      kill_timeout = 5
      kill_signal = "USR2"
      wait_ready = true
      listen_timeout = 6
      stop_exit_codes = [7]
      listen = [3000, "[::1]:3001", "/run/api.sock,mode=0660"]
      max_connection_age = 8
      shutdown_with_message = true
      health.http = "/healthz"
      health.interval = 500
      max_memory_restart = "8M"
      memory_max = "9M"
      cpu_quota = "10%"
      tasks_max = 11
      watch = ["src", "/etc/api"]
      cron_restart = "@daily"
      instance_var = "I"
      increment_var = "PORT"
      env = { PORT = 3000 }
      env_file = ".env"
      log_max_size = "12M"
      log_keep = 13
      rollout.max_unavailable = "50%"
      rollout.surge = 1
      systemd.IOWeight = 50
      [apps.api.env_production]
      NODE_ENV = "production"`,
    );
    const { apps } = await loadConfig("velos.toml", home);
    const { spec, instances, instancesGiven } = await resolveApp(apps[0]!, { ...system, profile: "production" });
    expect([instances, instancesGiven]).toEqual([{ kind: "max" }, true]);
    expect(spec).toEqual<AppSpec>({
      name: "api",
      program: "/opt/node/bin/node",
      args: [join(home, "app.js")],
      script: join(home, "app.js"),
      interpreter: "node",
      cwd: home,
      env: {
        PATH: "/opt/node/bin:/nowhere",
        HOME: "/var/www",
        USER: "www-data",
        LOGNAME: "www-data",
        LANG: "C.UTF-8",
        PORT: "3000",
        NODE_ENV: "production",
      },
      secretEnv: { TOKEN: "secret" },
      user: "www-data",
      group: "www-data",
      sandbox: { profile: "strict", write: [join(home, "data")] },
      credentials: { db: { path: join(home, "db.key") } },
      autorestart: false,
      maxRestarts: 1,
      minUptimeMs: 2,
      restartDelayMs: 3,
      expBackoffRestartDelayMs: 4,
      killTimeoutMs: 5,
      killSignal: "SIGUSR2",
      waitReady: true,
      listenTimeoutMs: 6,
      stopExitCodes: [7],
      listen: [{ port: 3000 }, { host: "::1", port: 3001 }, { path: "/run/api.sock", mode: 0o660 }],
      maxConnectionAgeMs: 8,
      shutdownWithMessage: true,
      health: { http: "/healthz", intervalMs: 500, timeoutMs: 2000, failures: 3, gracePeriodMs: 0 },
      maxMemoryRestartBytes: 8_388_608,
      memoryMaxBytes: 9_437_184,
      cpuQuotaPercent: 10,
      tasksMax: 11,
      watch: [join(home, "src"), "/etc/api"],
      watchIgnore: ["node_modules", ".git"],
      cronRestart: "0 0 * * *",
      instanceVar: "I",
      incrementVar: "PORT",
      logMaxBytes: 12_582_912,
      logKeep: 13,
      rollout: { maxUnavailable: "50%", surge: 1, minReadyMs: 0, deadlineMs: 60_000, onFailure: "revert" },
      systemd: { IOWeight: 50 },
    });
  });

  it("watches the working directory for true, nothing for false", async () => {
    expect((await resolve({ watch: true })).spec.watch).toEqual([home]);
    expect((await resolve({ watch: false })).spec.watch).toEqual([]);
    expect((await resolve({ watch: true, watch_ignore: ["x"] })).spec.watchIgnore).toEqual(["x"]);
  });

  it("does not mind one's own name in the user scope", async () => {
    expect((await resolve({ user: "u" })).spec).not.toHaveProperty("user");
  });

  it("takes numbers for users and groups", async () => {
    const { spec } = await resolve({ user: "4242", group: "4243" }, system);
    expect(spec).toMatchObject({ user: "4242", group: "4243", env: { HOME: "/", USER: "4242" } });
  });

  // prettier-ignore
  it.each<[AppInput, Partial<ResolveContext>, string, string, string]>([
    [{ cwd: "missing" }, {}, "CWD_NOT_FOUND", "the working directory ~/missing does not exist", "create it, or choose another with --cwd"],
    [{ cwd: "app.js" }, {}, "CWD_NOT_FOUND", "the working directory ~/app.js is not a directory", "create it, or choose another with --cwd"],
    [{ env_file: "missing" }, {}, "ENV_FILE_UNREADABLE", "cannot read the env file ~/missing: there is no such file", "check the path given with --env-file or env_file"],
    [{ user: "ghost" }, system, "USER_NOT_FOUND", "there is no user 'ghost' on this machine", "create it, or choose another with --uid"],
    [{ group: "ghost" }, system, "GROUP_NOT_FOUND", "there is no group 'ghost' on this machine", "create it, or choose another with --gid"],
    [{ user: "www-data" }, {}, "CONFIG_INVALID", "--uid: only apps of the system scope can run as another user", "start it as root, or leave this out"],
    [{ group: "www-data" }, {}, "CONFIG_INVALID", "--gid: only apps of the system scope can run as another group", "start it as root, or leave this out"],
    [{ increment_var: "PORT", env: { PORT: "http" } }, {}, "CONFIG_INVALID", '--increment-var: PORT is "http"', "give it a whole number, to which the instance's number is added"],
    [{}, { profile: "x" }, "CONFIG_INVALID", "--env: there is no profile 'x'", "add a table [apps.<name>.env_x], or set a variable with --env NAME=VALUE"],
    [{ script: "missing.js" }, {}, "SCRIPT_NOT_FOUND", "no such script: missing.js", "paths are relative to ~, and no such program is on PATH"],
  ])("%j is refused", async (input, other, ...expected) => {
    expect((await errorOf(resolve(input, other))).map((line) => line.replaceAll(home, "~"))).toEqual(expected);
  });

  it("says where in velos.toml the setting is", async () => {
    await writeFile(join(home, "bad.toml"), '[apps.api]\nscript = "app.js"\ncwd = "missing"\n');
    const { apps } = await loadConfig("bad.toml", home);
    expect((await errorOf(resolveApps(apps, context)))[1]).toBe(
      `bad.toml:3:7: the working directory ${join(home, "missing")} does not exist`,
    );
  });

  it("lets a profile be absent from some of the apps", async () => {
    await writeFile(
      join(home, "two.toml"),
      '[apps.a]\nscript = "app.js"\nenv_p = { X = "1" }\n[apps.b]\nscript = "app.js"\n',
    );
    const { apps } = await loadConfig("two.toml", home);
    const resolved = await resolveApps(apps, { ...context, profile: "p" });
    expect(resolved.map(({ spec }) => spec.env["X"])).toEqual(["1", undefined]);
  });

  it("refuses a name that the script does not give", async () => {
    await writeFile(join(home, "all.js"), "");
    expect((await errorOf(resolve({ script: "all.js" })))[0]).toBe("APP_NAME_INVALID");
    expect((await resolve({ script: "all.js" }, {}, "fine")).spec.name).toBe("fine");
  });
});
