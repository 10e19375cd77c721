import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { loadScopeConfig } from "../../src/config/load-scope.ts";
import type { LoadedConfig } from "../../src/config/load.ts";
import { loadConfig, selectApps } from "../../src/config/load.ts";
import type { AppSettings } from "../../src/config/settings.ts";
import { errorOf } from "./error-of.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "velos-load-"));
});

const load = async (toml: string | Buffer, options = {}): Promise<LoadedConfig> => {
  await writeFile(join(directory, "velos.toml"), toml);
  return loadConfig("velos.toml", directory, options);
};
const settingsOf = async (lines: string): Promise<AppSettings> =>
  (await load(`[apps.api]\nscript = "a.js"\n${lines}`)).apps[0]!.settings;

describe("loadConfig", () => {
  it("reads every key", async () => {
    const { apps } = await load(`
      [apps.api]
      script = "server.js" \n instances = 4
      cwd = "sub" \n interpreter = "node" \n interpreter_args = "--max-old-space-size=200 'a b'" \n args = ["--x", "$HOME %n"]
      user = "www-data" \n group = "www-data"
      autorestart = false \n max_restarts = 0 \n min_uptime = "2s" \n restart_delay = 250 \n exp_backoff_restart_delay = "0"
      kill_timeout = "1m30s" \n kill_signal = "int" \n wait_ready = true \n listen_timeout = "3s" \n stop_exit_codes = [0, 143]
      max_memory_restart = "300M" \n memory_max = 536870912 \n cpu_quota = "150%" \n tasks_max = 512
      watch = ["src"] \n watch_ignore = "node_modules" \n cron_restart = "0  3 * * *"
      instance_var = "I" \n increment_var = "PORT" \n env_file = [".env", "/etc/api.env"] \n inherit_env = true
      log_max_size = "1M" \n log_keep = 2
      env = { PORT = 3000, DEBUG = true, TEXT = "a\\nb %n $HOME é" }
      [apps.api.env_production]
      NODE_ENV = "production"
      [apps.api.rollout]
      max_unavailable = "25%" \n surge = 1 \n pause = "1s" \n min_ready = 500 \n deadline = "2m" \n on_failure = "stop"
      [apps.api.systemd]
      IOWeight = 50 \n ProtectHome = true \n ReadWritePaths = ["/a", "/b"] \n Nice = "-5"
      [apps."web.2"]
      command = ["python3", "-m", "http.server"]
      instances = "max"
      watch = true
    `);
    expect(apps.map(({ name, baseDir }) => [name, baseDir])).toEqual([
      ["api", directory],
      ["web.2", directory],
    ]);
    expect(apps[0]!.settings).toEqual<AppSettings>({
      script: "server.js",
      instances: { kind: "exact", count: 4 },
      cwd: join(directory, "sub"),
      interpreter: "node",
      interpreterArgs: ["--max-old-space-size=200", "a b"],
      args: ["--x", "$HOME %n"],
      user: "www-data",
      group: "www-data",
      autorestart: false,
      maxRestarts: 0,
      minUptimeMs: 2000,
      restartDelayMs: 250,
      expBackoffRestartDelayMs: 0,
      killTimeoutMs: 90_000,
      killSignal: "SIGINT",
      waitReady: true,
      listenTimeoutMs: 3000,
      stopExitCodes: [0, 143],
      maxMemoryRestartBytes: 314_572_800,
      memoryMaxBytes: 536_870_912,
      cpuQuotaPercent: 150,
      tasksMax: 512,
      watch: ["src"],
      watchIgnore: ["node_modules"],
      cronRestart: "0 3 * * *",
      instanceVar: "I",
      incrementVar: "PORT",
      envFile: [join(directory, ".env"), "/etc/api.env"],
      inheritEnv: true,
      logMaxBytes: 1_048_576,
      logKeep: 2,
      env: { PORT: "3000", DEBUG: "true", TEXT: "a\nb %n $HOME é" },
      profiles: { production: { NODE_ENV: "production" } },
      rollout: {
        maxUnavailable: "25%",
        surge: 1,
        pauseMs: 1000,
        minReadyMs: 500,
        deadlineMs: 120_000,
        onFailure: "stop",
      },
      systemd: { IOWeight: 50, ProtectHome: true, ReadWritePaths: ["/a", "/b"], Nice: "-5" },
    });
    expect(apps[1]!.settings).toEqual<AppSettings>({
      command: ["python3", "-m", "http.server"],
      instances: { kind: "max" },
      watch: true,
    });
    expect(apps[0]!.where("cwd")).toBe("velos.toml:5:13");
    expect(apps[1]!.where("script")).toBe("velos.toml:49:13");
  });

  it("reads a file with a byte order mark and CRLF", async () => {
    const { apps } = await load('\ufeff[apps.api]\r\nscript = "a.js"\r\n');
    expect(apps[0]!.settings).toEqual({ script: "a.js" });
    expect((await errorOf(load("\ufeffx = 1\r\n")))[1]).toBe('velos.toml:1:1: unknown key "x"');
  });

  // The problem is in the third line, after [apps.api] and script.
  // prettier-ignore
  it.each([
    ["max_restart = 1", "3:1", 'unknown key "max_restart"', "did you mean `max_restarts`?"],
    ["killTimeout = 1", "3:1", 'unknown key "killTimeout"', "did you mean `kill_timeout`?"],
    ["node_args = []", "3:1", 'unknown key "node_args"', "did you mean `interpreter_args`?"],
    ["exec_mode = 'cluster'", "3:1", 'unknown key "exec_mode"', "remove it, or see the manual for the keys there are"],
    ["constructor = 1", "3:1", 'unknown key "constructor"', "remove it, or see the manual for the keys there are"],
    ["__proto__ = 1", "3:1", 'unknown key "__proto__"', "remove it, or see the manual for the keys there are"],
    ["[apps.api.v2]\nscript = 'b.js'", "3:11", 'unknown key "v2"', 'a name with a dot is written in quotes: [apps."api.v2"]'],
    ["name = 'x'", "3:1", 'unknown key "name"', "the name of an app is that of its table: [apps.<name>]"],
    ["surge = 1", "3:1", 'unknown key "surge"', "surge belongs to rollout: write it below [apps.<name>.rollout]"],
    ["api_token = 'x'", "3:1", 'unknown key "api_token"', "api_token is a setting of velosd: write it at the top of the scope's own config file"],
    ["env_production = 1", "3:1", 'unknown key "env_production"', "remove it, or see the manual for the keys there are"],
    ["env_fil = '.env'", "3:1", 'unknown key "env_fil"', "did you mean `env_file`?"],
    ["rollout.sugre = 1", "3:9", 'unknown key "sugre"', "did you mean `surge`?"],
    ["rollout = 3", "3:11", "rollout should be a table, not 3", "open it with [apps.api.rollout]"],
    ['max_restarts = "15"', "3:16", 'max_restarts should be a whole number from 0 to 1000000, not "15"', "for example max_restarts = 15"],
    ["max_restarts = 1.5", "3:16", "max_restarts should be a whole number from 0 to 1000000, not 1.5", "for example max_restarts = 15"],
    ["max_restarts = -1", "3:16", "max_restarts should be a whole number from 0 to 1000000, not -1", "for example max_restarts = 15"],
    ["max_restarts = 1979-05-27", "3:16", "max_restarts should be a whole number from 0 to 1000000, not a date", "for example max_restarts = 15"],
    ["autorestart = 1", "3:15", "autorestart should be true or false, not 1", "for example autorestart = true"],
    ['kill_timeout = "5 parsecs"', "3:16", 'kill_timeout should be a duration from 1ms to 24d, not "5 parsecs"', 'for example kill_timeout = "5s"'],
    ["kill_timeout = 0", "3:16", "kill_timeout should be a duration from 1ms to 24d, not 0", 'for example kill_timeout = "5s"'],
    ['min_uptime = "25d"', "3:14", 'min_uptime should be a duration from 0 to 24d, not "25d"', 'for example min_uptime = "1s"'],
    ["min_uptime = nan", "3:14", "min_uptime should be a duration from 0 to 24d, not NaN", 'for example min_uptime = "1s"'],
    ['kill_signal = "SIGFOO"', "3:15", 'kill_signal should be the name of a signal, not "SIGFOO"', 'for example kill_signal = "SIGTERM"'],
    ["stop_exit_codes = [0,\n 999]", "4:2", "stop_exit_codes: each should be a whole number from 0 to 255, not 999", "for example stop_exit_codes = [0]"],
    ["memory_max = 512", "3:14", "memory_max should be a size of at least 1M, not 512", 'for example memory_max = "512M"'],
    ["cpu_quota = 1.5", "3:13", "cpu_quota should be a percentage of one processor from 1% to 100000%, not 1.5", 'for example cpu_quota = "150%"'],
    ["tasks_max = 0", "3:13", "tasks_max should be a whole number from 1 to 4194304, not 0", "for example tasks_max = 512"],
    ["instances = 0", "3:13", "instances: '0' is not a number of instances: an app has at least one instance; `velos stop` stops it", "write a number from 1 to 1000, or max"],
    ["instances = 10000", "3:13", "instances: '10000' is not a number of instances: 1000 is the limit", "write a number from 1 to 1000, or max"],
    ["instances = 1.5", "3:13", "instances should be a number from 1 to 1000, or max, not 1.5", "for example instances = 4"],
    ["args = [1]", "3:9", "args should be an array of texts, or one text that is split into words, not 1", 'for example args = ["--port", "3000"]'],
    [`args = "'a"`, "3:8", "args: it has a ' that is not closed", "quote it, write an array, or run a shell: sh -c '…'"],
    ['cwd = "a\\u0000"', "3:7", "cwd: it contains a NUL character, which no program can be given", 'for example cwd = "/srv/api"'],
    ["cwd = ''", "3:7", 'cwd should be a path, not ""', 'for example cwd = "/srv/api"'],
    ["watch = [1]", "3:10", "watch: each should be a path, not 1", 'for example watch = ["src"]'],
    ["watch = 1", "3:9", "watch should be true, or an array of paths, not 1", 'for example watch = ["src"]'],
    ['cron_restart = "0 3 * *"', "3:16", 'cron_restart should be a cron expression of five fields, not "0 3 * *"', 'five fields: minute hour day month weekday, such as "0 3 * * *" (every day at three)'],
    ['cron_restart = "0 25 * * *"', "3:16", 'cron_restart: "0 25 * * *": invalid value for hour: 25', 'five fields: minute hour day month weekday, such as "0 3 * * *" (every day at three)'],
    ['cron_restart = "0 0 30 2 *"', "3:16", 'cron_restart: "0 0 30 2 *": that day never comes', 'five fields: minute hour day month weekday, such as "0 3 * * *" (every day at three)'],
    ['instance_var = "A-B"', "3:16", 'instance_var should be the name of a variable (letters, digits and _), not "A-B"', 'for example instance_var = "INSTANCE"'],
    ["env = 'A=1'", "3:7", 'env should be a table of variables, not "A=1"', 'for example env = { PORT = "3000" }'],
    ["env = { A = 1.10 }", "3:13", "env: A should be a text, not 1.1", "put it in quotes, so that it arrives as written"],
    ["env = { A = [] }", "3:13", "env: A should be a text, not an array", "put it in quotes"],
    ["env.'A B' = ''", "3:5", 'env: "A B" cannot be a variable\'s name', "letters, digits and _, not beginning with a digit"],
    ["env = { A = '', B = \"\\u0000\" }", "3:21", "env: B contains a NUL character", "remove it"],
    ["[apps.api.env_x]\n9 = ''", "4:1", 'env_x: "9" cannot be a variable\'s name', "letters, digits and _, not beginning with a digit"],
    ["env_file = {}", "3:12", "env_file should be a path or an array of paths, not a table", 'for example env_file = ".env"'],
    ["systemd.ioWeight = 5", "3:9", 'systemd: "ioWeight" is not a property of systemd', "write it as in a unit file, such as IOWeight = 50"],
    ["systemd.IOWeight = {}", "3:20", "systemd: IOWeight should be a text, a number, true, false or an array of texts, not a table", "write it as in a unit file, such as IOWeight = 50"],
    ["[apps.api.rollout]\non_failure = 'x'", "4:14", 'on_failure should be "revert" or "stop", not "x"', 'for example on_failure = "revert"'],
    ["rollout.max_unavailable = '101%'", "3:27", 'max_unavailable should be a number of instances, or a percentage such as "25%", not "101%"', "for example max_unavailable = 1"],
    ["rollout.max_unavailable = 0", "3:1", "with max_unavailable = 0 and no surge a rollout could not begin", "add surge = 1"],
    ["command = ['x']", "3:1", "an app has a script or a command, not both", "remove one of them"],
    ["max_restarts = 'x'\nautorestart = 'y'\nfoo = 1", "3:16", 'max_restarts should be a whole number from 0 to 1000000, not "x"', "for example max_restarts = 15; 2 more problems after this one"],
    ["[apps.'x y']\nscript = 'b.js'", "3:7", `'x y' cannot be an app's name: it contains " "`, "1 to 64 of A-Z a-z 0-9 _ . - , beginning with a letter or digit, not ending with -"],
    ["[apps.web]\n", "3:7", "this app has neither script nor command", 'add what it runs, such as script = "server.js"'],
    ["[apps.web]\ncommand = ['x']\ninterpreter = 'node'", "5:1", "interpreter goes with script, not with command", "make it part of the command"],
    ["[apps]\nweb = 1", "4:7", "apps.web should be a table, not 1", "begin each app with [apps.<name>]"],
    ["args = [", "3:8", "unfinished array", "this is not valid TOML; texts need quotes"],
    ["script = 'b.js'", "3:1", "trying to redefine an already defined table or value", "this is not valid TOML; texts need quotes"],
  ])("%s is refused at %s", async (lines, place, why, hint) => {
    const error = await errorOf(load(`[apps.api]\nscript = "a.js"\n${lines}`));
    expect(error).toEqual(["CONFIG_INVALID", `velos.toml:${place}: ${why}`, hint]);
  });

  // prettier-ignore
  it.each([
    ["", "velos.toml: it has no apps", "begin one with [apps.<name>]"],
    ["apps = 1", "velos.toml:1:8: apps should be a table of apps, not 1", "begin each app with [apps.<name>]"],
    ["[[apps]]\nname = 'x'", "velos.toml:1:3: apps should be a table of apps, not an array", "begin each app with [apps.<name>]"],
    ["[app.api]\nscript = 'x'", 'velos.toml:1:2: unknown key "app"', "did you mean `apps`?"],
    ["script = 'x'", 'velos.toml:1:1: unknown key "script"', "script belongs to an app: write it below [apps.<name>]"],
    ["\nidle_exit = 1\n", 'velos.toml:2:1: unknown key "idle_exit"', "idle_exit is a setting of velosd: write it at the top of the scope's own config file"],
  ])("%j is refused as a whole", async (toml, message, hint) => {
    expect(await errorOf(load(toml))).toEqual(["CONFIG_INVALID", message, hint]);
  });

  it("says why a file cannot be read", async () => {
    expect(await errorOf(loadConfig("missing.toml", directory))).toEqual([
      "CONFIG_NOT_FOUND",
      "cannot read missing.toml: there is no such file",
      "name the file with -f, or run this where velos.toml is",
    ]);
    expect((await errorOf(loadConfig(".", directory)))[1]).toBe("cannot read .: it is a directory");
    expect((await errorOf(load(Buffer.from([0x23, 0xff]))))[1]).toBe("cannot read velos.toml: it is not UTF-8 text");
  });

  it("lets settings of velosd stand in the scope's own file only", async () => {
    const toml = 'otel_endpoint = "http://x"\n[apps.api]\nscript = "a.js"';
    expect((await load(toml, { isScopeConfig: true })).apps).toHaveLength(1);
    expect((await errorOf(load(toml)))[0]).toBe("CONFIG_INVALID");
  });

  it("takes the nicknames of cron, and its names", async () => {
    expect((await settingsOf('cron_restart = "@Daily"')).cronRestart).toBe("0 0 * * *");
    expect((await settingsOf('cron_restart = "*/5 1-4,6 * jan mon-fri"')).cronRestart).toBe("*/5 1-4,6 * jan mon-fri");
    for (const text of ["0 0 L * *", "0 0 15W * *", "0 0 * * 5L", "0 0 * * MON#2", "0 0 ? * *", "* * * * * *", ""]) {
      expect((await errorOf(settingsOf(`cron_restart = "${text}"`)))[1]).toContain("should be a cron expression");
    }
  });
});

describe("selectApps", () => {
  it("picks in the order of the file, or names the nearest", async () => {
    const config = await load("[apps.api]\nscript = 'a'\n[apps.web]\nscript = 'b'\n[apps.cron]\nscript = 'c'");
    expect(selectApps(config, ["cron", "api"]).map((app) => app.name)).toEqual(["api", "cron"]);
    const select = async (name: string): Promise<unknown> => selectApps(config, [name]);
    expect(await errorOf(select("wbe"))).toEqual([
      "CONFIG_INVALID",
      "--only: velos.toml has no app 'wbe'",
      "did you mean `web`?",
    ]);
    expect((await errorOf(select("nothing")))[2]).toBe("its apps are api, web, cron");
  });
});

describe("loadScopeConfig", () => {
  const scope = async (toml: string): Promise<unknown> => {
    await writeFile(join(directory, "scope.toml"), toml);
    return loadScopeConfig(join(directory, "scope.toml"));
  };

  it("has no settings where there is no file, or only apps in it", async () => {
    expect(await loadScopeConfig(join(directory, "missing.toml"))).toEqual({});
    expect(await scope("[apps.api]\nwhatever = 1")).toEqual({});
  });

  it("refuses what it does not know", async () => {
    const file = join(directory, "scope.toml");
    expect(await errorOf(scope('\notel_endpiont = "x"'))).toEqual([
      "CONFIG_INVALID",
      `${file}:2:1: unknown key "otel_endpiont"`,
      "did you mean `otel_endpoint`?",
    ]);
    expect((await errorOf(scope("a = ")))[1]).toBe(`${file}:1:5: invalid value`);
    expect((await errorOf(loadScopeConfig(directory)))[0]).toBe("CONFIG_NOT_FOUND");
  });
});
