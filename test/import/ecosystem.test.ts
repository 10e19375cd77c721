import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AppSettings } from "../../src/config/settings.ts";
import { loadConfig } from "../../src/config/load.ts";
import { importEcosystem } from "../../src/import/ecosystem.ts";
import { withoutMisfits } from "../../src/import/imported-app.ts";
import type { Remark } from "../../src/import/main.ts";
import { tomlText } from "../../src/import/main.ts";
import type { Outcome } from "../cli/harness.ts";
import { FakeTerminal } from "../cli/harness.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "velos-import-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const write = (name: string, text: string): void => writeFileSync(join(home, name), text);
const velos = (...argv: string[]): Promise<Outcome> => new FakeTerminal(home).run("import", ...argv);
const toml = (): string => readFileSync(join(home, "velos.toml"), "utf8");
/** The apps of the file that was written, as velos reads them. */
const settings = async (): Promise<Record<string, AppSettings>> => {
  const { apps } = await loadConfig("velos.toml", home);
  return Object.fromEntries(apps.map((app) => [app.name!, app.settings]));
};
const importing = async (app: object): Promise<AppSettings> => {
  write(
    "ecosystem.config.js",
    `module.exports = { apps: [${JSON.stringify({ name: "api", script: "a.js", ...app })}] }`,
  );
  const { code, err } = await velos("--force");
  expect([code, err]).toEqual([0, err]);
  return (await settings())["api"]!;
};

describe("velos import ecosystem.config.js", () => {
  it("writes a velos.toml that says the same, and tells what has no counterpart", async () => {
    write(
      "ecosystem.config.js",
      `const port = 3000;
       module.exports = {
         apps: [{
           name: "api", script: "server.js", args: "--port 3000 'a b'", instances: "max", exec_mode: "cluster",
           node_args: ["--max-old-space-size=200"], env: { PORT: port, DEBUG: true, NESTED: { a: 1 } },
           env_production: { NODE_ENV: "production" }, max_memory_restart: "300M", kill_timeout: 3000, wait_ready: true,
           listen_timeout: 8000, cron_restart: "0 3 * * *", error_file: "err.log", merge_logs: true, time: true,
           ignore_watch: ["node_modules", /\\.git/], watch: ["src"], exp_backoff_restart_delay: 100, namespace: "shop",
         }, { name: "worker", script: "worker.py", interpreter: "python3", autorestart: false, stop_exit_codes: [0, 3] }],
         deploy: { production: { user: "node" } },
       };`,
    );
    const { code, out, err } = await velos();
    expect(code).toBe(0);
    expect(out).toBe("wrote velos.toml: 2 apps (api, worker); `velos apply -f velos.toml` starts them\n");
    expect(await settings()).toEqual({
      api: {
        script: "server.js",
        args: ["--port", "3000", "a b"],
        interpreterArgs: ["--max-old-space-size=200"],
        instances: { kind: "max" },
        listen: [{ port: 3000 }],
        env: { PORT: "3000", DEBUG: "true", NESTED: '{"a":1}' },
        profiles: { production: { NODE_ENV: "production" } },
        maxMemoryRestartBytes: 300 * 1024 ** 2,
        killTimeoutMs: 3000,
        waitReady: true,
        listenTimeoutMs: 8000,
        cronRestart: "0 3 * * *",
        watch: ["src"],
        watchIgnore: ["node_modules", "\\.git"],
        expBackoffRestartDelayMs: 100,
      },
      worker: { script: "worker.py", interpreter: "python3", autorestart: false, stopExitCodes: [0, 3] },
    });
    for (const key of ["deploy", "api: listen", "api: error_file", "api: merge_logs", "api: time", "api: namespace"]) {
      expect(err).toContain(`velos: ${key}: `);
    }
    for (const key of ["deploy", "listen", "error_file"]) expect(toml()).toMatch(new RegExp(`^# ${key}: `, "m"));
  });

  it.each([
    ["ecosystem.config.cjs", "exports.apps = [{ script: 'a.js' }]"],
    ["ecosystem.config.mjs", "export default { apps: [{ script: 'a.js' }] }"],
    ["named.mjs", "export const apps = [{ script: 'a.js' }]"],
    ["function.js", "console.log('noise'); module.exports = () => ({ apps: [{ script: 'a.js' }] })"],
    ["promise.js", "module.exports = Promise.resolve([{ script: 'a.js' }])"],
    ["async.mjs", "export default async () => ({ apps: { script: 'a.js' } })"],
    ["alone.js", "module.exports = { script: 'a.js' }; setInterval(() => {}, 1000)"],
    ["process.json", '{ "apps": [{ "script": "a.js" }] }'],
    ["loose.json", '{ // a comment\n apps: [{ script: "a.js", }] }'],
    ["process.yml", "apps:\n  - script: a.js\n"],
    ["list.yaml", "- script: a.js\n"],
  ])("reads %s", async (name, text) => {
    write(name, text);
    const { code, err } = await velos(name);
    expect([code, err.match(/environment/g)]).toEqual([0, ["environment", "environment"]]);
    expect(await settings()).toEqual({ a: { script: "a.js" } });
  });

  it("reads a file of a package of modules, as Node does", async () => {
    write("package.json", '{ "type": "module" }');
    write("ecosystem.config.js", "export default { apps: [{ script: 'a.js' }] }");
    expect((await velos()).code).toBe(0);
    expect(Object.keys(await settings())).toEqual(["a"]);
  });

  it.each<[string, object, Partial<AppSettings>]>([
    ["instances 0", { instances: 0 }, { instances: { kind: "max" } }],
    ["one instance", { instances: 1, exec_mode: "cluster" }, {}],
    [
      "a port of its own for each",
      { instances: 2, increment_var: "PORT", port: 4000 },
      {
        instances: { kind: "exact", count: 2 },
        incrementVar: "PORT",
        env: { PORT: "4000" },
      },
    ],
    [
      "fork mode shares nothing",
      { instances: 2, exec_mode: "fork", port: 4000 },
      {
        instances: { kind: "exact", count: 2 },
        env: { PORT: "4000" },
      },
    ],
    [
      "a line for a shell",
      { script: "npm run build && npm start" },
      {
        script: undefined as never,
        command: ["bash", "-c", "npm run build && npm start"],
      },
    ],
    ["source maps", { source_map_support: true }, { interpreterArgs: ["--enable-source-maps"] }],
    ["treekill", { treekill: false }, { systemd: { KillMode: "process" } }],
    ["min_uptime", { min_uptime: "1h", restart_delay: 4000 }, { minUptimeMs: 3_600_000, restartDelayMs: 4000 }],
    ["a version of node", { interpreter: "node@20" }, { interpreter: "node" }],
    ["a number of one user", { uid: 1000, gid: "www-data" }, { user: "1000", group: "www-data" }],
  ])("%s", async (_, app, expected) => {
    expect(await importing(app)).toEqual(JSON.parse(JSON.stringify({ script: "a.js", ...expected })));
  });

  it("tells to name the port where pm2's cluster mode needed none", async () => {
    await importing({ instances: 4 });
    expect(toml()).toMatch(/^# listen: pm2's cluster mode shares whatever port/m);
  });

  it("runs a script without an ending with node, as pm2 does, unless it says something else itself", async () => {
    write("www", "#!/usr/bin/env node\n");
    write("plain", "console.log(1)\n");
    write("shell", "#!/bin/sh\n");
    write("p.json", JSON.stringify(["www", "plain", "shell", "sleep"].map((script) => ({ script }))));
    expect((await velos("p.json")).code).toBe(0);
    expect(Object.values(await settings()).map(({ interpreter }) => interpreter)).toEqual([
      "node",
      "node",
      undefined,
      undefined,
    ]);
  });

  it("gives names that velos takes, each once", async () => {
    write(
      "p.json",
      JSON.stringify(["my app", "all", "x.service", "", "my app"].map((name) => ({ name, script: "w.js" }))),
    );
    expect((await velos("p.json")).code).toBe(0);
    expect(Object.keys(await settings())).toEqual(["my-app", "app-all", "x-service", "w", "my-app-2"]);
    expect(toml()).toContain('# name: was "my app", which velos does not take');
  });

  it("gives names that do not end with a dash, of which systemd would read the drop-ins for other apps", async () => {
    const names = ["api-", "api-web", "api (2)", "all-", "x.service-", `${"y".repeat(63)} z`, "api"];
    write("p.json", JSON.stringify(names.map((name) => ({ name, script: "w.js" }))));
    expect((await velos("p.json")).code).toBe(0);
    const given = ["api", "api-web", "api-2", "app-all", "x-service", "y".repeat(63), "api-3"];
    expect(Object.keys(await settings())).toEqual(given);
    expect(toml()).toContain('# name: was "api-", which velos does not take');
  });

  it("leaves out what velos would refuse, and says why", async () => {
    const read = await importing({
      cron_restart: "*/10 * * * * *",
      max_memory_restart: "10K",
      stop_exit_codes: [300],
      env: { "a-b": "1", OK: 1, NONE: null },
      "env_a.b": { X: "1" },
    });
    expect(read).toEqual({ script: "a.js", env: { OK: "1" } });
    for (const key of ["cron_restart", "max_memory_restart", "stop_exit_codes", "env.a-b", "env.NONE", "env_a.b"]) {
      expect(toml()).toContain(`# ${key}: left out: `);
    }
  });

  it("overwrites nothing without --force, and can print or write elsewhere", async () => {
    write("ecosystem.config.js", "module.exports = { apps: [{ script: 'a.js', env: { A: '1' } }] }");
    write("velos.toml", "mine");
    expect(await velos()).toMatchObject({ code: 2, err: expect.stringContaining("velos.toml is there already") });
    expect(toml()).toBe("mine");
    const printed = await velos("--stdout");
    expect([printed.code, printed.out]).toEqual([0, expect.stringContaining('[apps.a.env]\nA = "1"')]);
    mkdirSync(join(home, "etc"));
    expect((await velos("-o", "etc/velos.toml")).code).toBe(0);
    const { apps } = await loadConfig("etc/velos.toml", home);
    expect(apps[0]!.settings.cwd).toBe(home);
    const { out } = await velos("--force", "--json");
    expect(JSON.parse(out)).toMatchObject({ path: "velos.toml", apps: ["a"] });
    expect((JSON.parse(out) as { remarks: Remark[] }).remarks.map(({ key }) => key)).toEqual([
      "environment",
      "kill_signal",
    ]);
  });

  it("prints one JSON document, the file's text in it, with --stdout --json", async () => {
    write("p.json", '{ "apps": [{ "script": "a.js" }] }');
    const { code, out, err } = await velos("p.json", "--stdout", "--json");
    expect([code, err]).toEqual([0, ""]);
    const document = JSON.parse(out) as object;
    expect(Object.keys(document)).toEqual(["toml", "apps", "remarks"]);
    expect(document).toMatchObject({ toml: expect.stringContaining('[apps.a]\nscript = "a.js"'), apps: ["a"] });
    expect(readdirSync(home)).toEqual(["p.json"]);
  });

  it("names in the file the file that was asked for", async () => {
    write("p.json", '{ "apps": [{ "script": "a.js" }] }');
    mkdirSync(join(home, "etc"));
    expect((await velos("p.json", "-o", "etc/apps.toml")).code).toBe(0);
    expect(readFileSync(join(home, "etc/apps.toml"), "utf8")).toMatch(/^#.* `velos apply -f etc\/apps.toml` starts it/);
    expect((await velos("p.json")).code).toBe(0);
    expect(toml()).toMatch(/^#.* `velos apply -f velos.toml` starts it/);
  });

  it.each<[string, object, Partial<AppSettings>]>([
    ["a number", { max_restarts: "5" }, { maxRestarts: 5 }],
    ["a duration", { kill_timeout: "1600", restart_delay: "4000" }, { killTimeoutMs: 1600, restartDelayMs: 4000 }],
    ["yes or no", { autorestart: "false", wait_ready: "true" }, { autorestart: false, waitReady: true }],
    ["an exit code", { stop_exit_codes: "3" }, { stopExitCodes: [3] }],
    ["no tree", { treekill: "false" }, { systemd: { KillMode: "process" } }],
    ["nothing", { cron_restart: "0", watch: false, ignore_watch: [], max_restarts: null }, {}],
  ])("takes %s that is written as text", async (_, app, expected) => {
    expect(await importing(app)).toEqual({ script: "a.js", ...expected });
    expect(toml()).not.toContain("left out");
  });

  it.each<[string, unknown]>([
    ["max_restarts", "x"],
    ["max_restarts", ""],
    ["autorestart", "no"],
    ["wait_ready", 1],
    ["kill_timeout", [1600]],
    ["min_uptime", true],
    ["cron_restart", ["0 3 * * *"]],
    ["max_memory_restart", ["300M"]],
    ["stop_exit_codes", [0, "x"]],
    ["watch", {}],
    ["treekill", "no"],
    ["autostart", {}],
  ])("tells of %s that cannot be read: %j", async (key, value) => {
    expect(await importing({ [key]: value })).toEqual({ script: "a.js" });
    expect(toml()).toMatch(new RegExp(`^# ${key}: left out: it should be .+, not `, "m"));
  });

  it("takes an env file, wherever velos.toml goes", async () => {
    expect(await importing({ env_file: ".env" })).toEqual({ script: "a.js", envFile: [join(home, ".env")] });
    mkdirSync(join(home, "etc"));
    write("p.json", JSON.stringify([{ script: "a.js", env_file: ["one.env", "/srv/two.env"] }]));
    expect((await velos("p.json", "-o", "etc/velos.toml")).code).toBe(0);
    const { apps } = await loadConfig("etc/velos.toml", home);
    expect(apps[0]!.settings.envFile).toEqual([join(home, "one.env"), "/srv/two.env"]);
  });

  it("tells that a profile of a name that is a key's has to be renamed", async () => {
    expect(await importing({ env_file: { A: "1" } })).toEqual({ script: "a.js" });
    expect(toml()).toContain("# env_file: left out: rename the profile");
  });

  it("tells of a profile whose port is not the one that is held", async () => {
    await importing({
      instances: 2,
      env: { PORT: 3000 },
      env_production: { PORT: 21373 },
      env_staging: { PORT: "3000" },
    });
    expect(toml()).toMatch(/^# env_production\.PORT: 21373, but listen holds 3000 .*listen = \["21373"\]/m);
    expect(toml()).not.toContain("env_staging.PORT:");
  });

  it("names the port that only a profile has", async () => {
    const { listen } = await importing({ instances: 2, env_production: { PORT: 21373 } });
    expect(listen).toBeUndefined();
    expect(toml()).toMatch(/^# listen: .*: listen = \["21373"\] as env_production has it/m);
  });
});

describe("the signal that ends an app", () => {
  const importScript = async (text: string, app: object = {}): Promise<{ signal?: string; head: boolean }> => {
    write("a.js", text);
    const { killSignal } = await importing(app);
    return {
      ...(killSignal && { signal: killSignal }),
      head: toml().startsWith("# Made") && /SIGTERM; write/.test(toml()),
    };
  };

  it.each<[string, string, object, { signal?: string; head: boolean }]>([
    ["listens for SIGINT", "process.on('SIGINT', end)", {}, { signal: "SIGINT", head: false }],
    ["listens for both", "for (const s of ['SIGINT', 'SIGTERM']) process.on(s, end)", {}, { head: false }],
    ["listens for SIGTERM", "process.on('SIGTERM', end)", {}, { head: false }],
    ["says nothing of signals", "http.createServer().listen()", {}, { head: true }],
    ["waits for a message", "process.on('SIGINT', end)", { shutdown_with_message: true }, { head: false }],
    [
      "is in a command line",
      "process.on('SIGINT', end)",
      { script: "node a.js --x" },
      { signal: "SIGINT", head: false },
    ],
    ["is no text", "\0SIGINT", {}, { head: true }],
    ["is a bundle", `SIGINT${" ".repeat(1024 ** 2)}`, {}, { head: true }],
  ])("of a script that %s", async (_, text, app, expected) => {
    expect(await importScript(text, app)).toEqual(expected);
  });

  it("is told once for all apps, and for a Procfile not at all", async () => {
    write("p.json", JSON.stringify([{ script: "x.js" }, { script: "y.js" }]));
    expect((await velos("p.json")).err.match(/kill_signal: /g)).toHaveLength(1);
    write("Procfile", "web: node x.js\n");
    expect((await velos("Procfile", "--force")).err).not.toContain("kill_signal");
  });

  it("has its reason beside it", async () => {
    await importScript("process.on('SIGINT', end)");
    expect(toml()).toMatch(/^# kill_signal: the script mentions SIGINT, which pm2 sends/m);
  });
});

describe("pm2's own file server", () => {
  const dumped = {
    name: "static",
    pm_exec_path: "/usr/lib/node_modules/pm2/lib/API/Serve.js",
    pm_cwd: "/srv/www",
    env: { PM2_SERVE_PATH: "/srv/www", PM2_SERVE_PORT: 8081 },
  };
  const told = /static: left out: it is pm2's file server for \/srv\/www on port 8081, and velos has no file server/;

  it("is left out of an ecosystem file, with a word on what to take instead", async () => {
    const { name, env } = dumped;
    write("p.json", JSON.stringify([{ name, script: "serve", env }, { script: "a.js" }]));
    expect((await velos("p.json")).err).toMatch(told);
    expect(Object.keys(await settings())).toEqual(["a"]);
    expect(toml()).toMatch(told);
  });

  it("is told of where it is asked for beside the apps", async () => {
    write("p.json", JSON.stringify({ apps: [{ script: "a.js" }], static: [{ path: "/srv/www", port: 8081 }] }));
    expect((await velos("p.json")).err).toContain("velos: static: velos has no file server of its own; use caddy");
  });

  it("is left out of what pm2 saved", async () => {
    write("dump", JSON.stringify([dumped, { name: "a", pm_exec_path: "/srv/a.js", pm_cwd: "/srv", env: {} }]));
    expect((await velos("--pm2-dump", "dump")).err).toMatch(told);
    expect(Object.keys(await settings())).toEqual(["a"]);
  });

  it.each([
    ["an ecosystem file", "p.json", [{ script: "serve" }], []],
    ["a dump", "dump", [dumped], ["--pm2-dump"]],
  ])("cannot be all that is in %s", async (_, name, content, flags) => {
    write(name, JSON.stringify(content));
    const { code, err } = await velos(name, ...flags);
    expect([code, err]).toEqual([2, expect.stringContaining("nothing but pm2's own file server is in it")]);
  });

  it.each([
    ["no.js", undefined, "there is no no.js"],
    ["throws.js", "\nthrow new Error('no database')", "throws.js:2:7: no database"],
    ["syntax.js", "module.exports = {", "syntax.js:1"],
    [
      "syntax.cjs",
      "module.exports = {\n  apps: [{ script: 'a.js'\n    instances: 2 }] }",
      "syntax.cjs:3:5: Unexpected id",
    ],
    [
      "syntax.mjs",
      "export default {\n  apps: [{ script: 'a.js'\n    instances: 2 }] }",
      "syntax.mjs:3:5: Unexpected id",
    ],
    ["syntax.json", '{ "apps": [\n  { "script" "a.js" }\n] }', "syntax.json:2:14: Unexpected string"],
    ["line.json", '{ "apps" [] }', "line.json:1:10: Unexpected token '['"],
    ["open.json", '{ "apps": [', "open.json: Unexpected end of the file"],
    ["none.js", "", "it exports no apps"],
    ["bad.json", "{ apps: ", "bad.json"],
    ["bad.yaml", "apps: [\n  - x: ]", "bad.yaml:2:"],
    ["text.json", '{ "apps": ["server.js"] }', "it exports no apps"],
    ["mixed.json", '{ "apps": [{ "script": "a.js" }, "server.js"] }', "one of its apps is not an object"],
    ["app.json", '{ "apps": [{ "name": "x" }] }', 'the app "x" has no script'],
    ["app.conf", "x", "cannot tell from its name what app.conf is"],
    ["exit.js", "process.exit(0)", "it ended with code 0 instead of exporting its apps"],
  ])("%s: one line with what is wrong", async (name, text, says) => {
    if (text !== undefined) write(name, text);
    const { code, out, err } = await velos(name);
    expect([code, out]).toEqual([2, ""]);
    expect(err.split("\n")[0]).toContain(says);
    expect(err.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
  });
});

describe("whatever an app of pm2 says", () => {
  const value = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.string()),
    fc.object(),
  );
  const app = fc.record(
    {
      script: fc.oneof(
        fc.string({ minLength: 1 }).filter((text) => text.trim() !== "" && !text.includes("\0")),
        fc.constant("a b && c"),
      ),
      name: fc.string(),
      args: value,
      node_args: value,
      exec_interpreter: value,
      exec_mode: fc.oneof(value, fc.constant("cluster")),
      instances: value,
      env: fc.dictionary(fc.string(), value, { noNullPrototype: true }),
      env_production: value,
      env_file: value,
      max_restarts: value,
      autorestart: value,
      treekill: value,
      port: value,
      cwd: value,
      max_memory_restart: value,
      kill_timeout: value,
      min_uptime: value,
      watch: value,
      ignore_watch: value,
      cron_restart: value,
      stop_exit_codes: value,
      increment_var: value,
      instance_var: value,
      uid: value,
      out_file: value,
      odd: value,
    },
    { requiredKeys: ["script"] },
  );

  it("the file loads, and its variables are those of the app", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(app, { minLength: 1, maxLength: 3 }), async (apps) => {
        const read = importEcosystem({ apps }, { source: "e.js", processors: 4 });
        const checked = await Promise.all(read.apps.map((one) => withoutMisfits(one, home, "e.js")));
        write(
          "velos.toml",
          tomlText({ source: "e.js", directory: home, apps: checked, remarks: read.remarks }, "velos.toml"),
        );
        const loaded = await loadConfig("velos.toml", home);
        expect(loaded.apps).toHaveLength(apps.length);
        for (const [index, { name }] of checked.entries()) {
          const got = loaded.apps.find((one) => one.name === name)!.settings;
          expect(got.env).toEqual(checked[index]!.keys["env"]);
          expect(got.script ?? got.command?.[2]).toBe(apps[index]!.script);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("a launcher, which keeps addresses to itself", () => {
  const deaf = "npm runs the script in a process of its own, which does not get the addresses of `listen`";

  it("is told where the ecosystem file has it share a port", async () => {
    const app = { name: "api", script: "npm", args: "start", exec_mode: "cluster", instances: 2, env: { PORT: 3000 } };
    write("ecosystem.config.js", `module.exports = { apps: [${JSON.stringify(app)}] }`);
    const { err } = await velos();
    expect(err).toContain(`api: listen: ${deaf}; name the script that listens as \`script\``);
    write("ecosystem.config.js", `module.exports = { apps: [${JSON.stringify({ ...app, script: "a.js" })}] }`);
    expect((await velos("--force")).err).not.toContain("process of its own");
  });

  it("is told where a Procfile's app is said how to share one", async () => {
    write("Procfile", "web: npm start\nworker: npm run worker\n");
    const { err } = await velos();
    expect(err.split("\n").filter((line) => line.includes(deaf))).toEqual([expect.stringContaining("web: listen: ")]);
  });
});

describe("velos import Procfile", () => {
  it("takes each line for an app", async () => {
    write(
      "Procfile",
      "# comment\nweb: node server.js --port $PORT\nworker:   python3 worker.py\nrelease: FOO=1 rake db:migrate\nboth: a | b\n\n",
    );
    write(".env", "A=1\n");
    expect((await velos("Procfile")).code).toBe(0);
    const env = { envFile: [join(home, ".env")] };
    expect(await settings()).toEqual({
      web: { command: ["sh", "-c", "exec node server.js --port $PORT"], env: { PORT: "5000" }, ...env },
      worker: { script: "python3 worker.py", ...env },
      release: { command: ["sh", "-c", "FOO=1 rake db:migrate"], autorestart: false, ...env },
      both: { command: ["sh", "-c", "a | b"], ...env },
    });
  });

  it("says which line is none", async () => {
    write("Procfile", "web: node a.js\nwhat is this\n");
    expect((await velos()).err).toContain("Procfile:2:1: a line of a Procfile is a name, a colon and a command");
  });
});

describe("velos import --pm2-dump", () => {
  const entry = {
    name: "api",
    namespace: "default",
    pm_exec_path: "/srv/api/server.js",
    pm_cwd: "/srv/api",
    exec_interpreter: "node",
    exec_mode: "cluster_mode",
    instances: 2,
    args: ["--x"],
    node_args: [],
    autorestart: true,
    kill_retry_time: 100,
    watch: false,
    vizion: true,
    max_memory_restart: 314572800,
    env: {
      PORT: "3000",
      TOKEN: "s3cret",
      PATH: "/x",
      HOME: "/root",
      USER: "root",
      api: "{}",
      unique_id: "x",
      SAME: "same",
      http_proxy: "http://p",
    },
    pm_out_log_path: "/root/.pm2/logs/api-out.log",
    created_at: 1,
  };

  it("makes one app of all instances of a name, and leaves out what a session sets", async () => {
    mkdirSync(join(home, ".pm2"));
    write(".pm2/dump.pm2", JSON.stringify([entry, entry, { name: "pm2-logrotate", pmx_module: true }]));
    const terminal = new FakeTerminal(home, { env: { SAME: "same" } });
    const { code, out } = await terminal.run("import", "--pm2-dump");
    expect([code, out]).toEqual([0, "wrote velos.toml: 1 app (api); `velos apply -f velos.toml` starts it\n"]);
    expect(await settings()).toEqual({
      api: {
        script: "/srv/api/server.js",
        args: ["--x"],
        cwd: "/srv/api",
        instances: { kind: "exact", count: 2 },
        listen: [{ port: 3000 }],
        maxMemoryRestartBytes: 314572800,
        env: { PORT: "3000", TOKEN: "s3cret", http_proxy: "http://p" },
      },
    });
    expect(statSync(join(home, "velos.toml")).mode & 0o777).toBe(0o600);
  });

  it("says nothing of variables where an app has none of its own", async () => {
    write("dump", JSON.stringify([{ ...entry, env: { PATH: "/x" } }]));
    const { code, err } = await velos("--pm2-dump", "dump");
    expect([code, err]).toEqual([0, expect.not.stringContaining("env: left out")]);
    expect((await settings())["api"]!.env).toBeUndefined();
  });

  it("with --force makes a file that everybody may read one of the user alone", async () => {
    write("dump", JSON.stringify([entry]));
    writeFileSync(join(home, "velos.toml"), "old", { mode: 0o644 });
    expect(await velos("--pm2-dump", "dump", "--force")).toMatchObject({ code: 0 });
    expect(toml()).toContain("s3cret");
    expect(statSync(join(home, "velos.toml")).mode & 0o777).toBe(0o600);
    expect(readdirSync(home).sort()).toEqual(["dump", "velos.toml"]);
  });

  it("with --force leaves nothing behind where it cannot write", async () => {
    write("dump", JSON.stringify([entry]));
    mkdirSync(join(home, "velos.toml"));
    expect(await velos("--pm2-dump", "dump", "--force")).toMatchObject({
      code: 2,
      err: expect.stringContaining("cannot write velos.toml"),
    });
    expect(readdirSync(home).sort()).toEqual(["dump", "velos.toml"]);
  });

  it.each([
    ["[]", "no apps are saved in it"],
    ["{}", "it is not what pm2 saves"],
    ["[", "it is not JSON"],
  ])("refuses %s", async (text, says) => {
    write("dump", text);
    expect(await velos("--pm2-dump", "dump")).toMatchObject({ code: 2, err: expect.stringContaining(says) });
  });
});
