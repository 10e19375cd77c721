import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import Type from "typebox";
import type { TSchema } from "typebox";
import Value from "typebox/value";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { operations } from "../../src/api/operations.ts";
import { AppSchema, LogLineSchema } from "../../src/api/schemas.ts";
import type { AppView } from "../../src/controller/views.ts";
import { TestVelosd } from "./harness.ts";

let velosd: TestVelosd;
beforeEach(async () => {
  velosd = await TestVelosd.start();
});
afterEach(() => velosd.close());

const TITLE = "name   status      pid  cpu  memory  uptime  restarts";
const firstLine = ({ out }: { out: string }): string => out.split("\n")[0]!;
const statuses = async (app = "api"): Promise<string[]> =>
  (await velosd.controller.apps.list([app]))[0]!.processes.map(({ status }) => status);

describe("velos start", () => {
  it("starts a script, and says so in one line above the table", async () => {
    const { code, out, err } = await velosd.velos("start", "server.js", "--name", "api", "-i", "4");
    expect([code, err]).toEqual([0, ""]);
    const lines = out.split("\n");
    expect(lines[0]).toBe("api: started 4 instances");
    expect(lines[1]).toBe(TITLE);
    expect(lines.slice(2, 6).map((line) => line.split(/ +/).slice(0, 2))).toEqual(
      [0, 1, 2, 3].map((index) => [`api:${index}`, "online"]),
    );
  });

  it("tells what else it did to an app that is there", async () => {
    const start = (...more: string[]): Promise<{ out: string }> =>
      velosd.velos("start", "server.js", "--min-uptime", "0", "--kill-timeout", "1ms", ...more);
    const rollout = ["--config", "velos.toml"];
    await writeFile(
      join(velosd.home, "velos.toml"),
      '[apps.server]\nscript = "server.js"\nargs = ["x"]\nrollout = { pause = 0 }\nmin_uptime = 0\n',
    );
    expect(firstLine(await start("-i", "2"))).toBe("server: started 2 instances");
    expect(firstLine(await start("-i", "2"))).toBe("server: unchanged, it runs as asked");
    expect(firstLine(await start("-i", "3"))).toBe("server: scaled from 2 to 3");
    expect(firstLine(await start("--max-restarts", "3"))).toBe("server: changed in place, no instance was replaced");
    expect(firstLine(await velosd.velos("start", ...rollout))).toBe("server: rolled to the new spec");
    await velosd.velos("stop", "server");
    expect(firstLine(await velosd.velos("start", ...rollout))).toBe("server: started again");
    expect(firstLine(await start("--name", "one"))).toBe("one: started 1 instance");
  });

  it("starts again what was stopped: apps, instances, all", async () => {
    await velosd.velos("start", "server.js", "--name", "api", "-i", "3");
    await velosd.velos("stop", "api:1");
    expect(await statuses()).toEqual(["online", "stopped", "online"]);
    expect(firstLine(await velosd.velos("start", "api:1"))).toBe("api: started again");
    expect(await statuses()).toEqual(["online", "online", "online"]);
    expect(firstLine(await velosd.velos("start", "api"))).toBe("api: unchanged, it runs as asked");
    await velosd.velos("stop", "all");
    await velosd.velos("start", "all");
    expect(await statuses()).toEqual(["online", "online", "online"]);
    expect(await velosd.velos("start", "api:7")).toMatchObject({
      code: 3,
      err: expect.stringContaining("api has no instance 7"),
    });
    expect(await velosd.velos("start", "api", "-i", "5")).toMatchObject({
      code: 2,
      err: expect.stringContaining("velos scale api 5"),
    });
    expect(await velosd.velos("start", "api", "--env", "A=1", "--max-memory", "lots")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/api exists already, .*\n.* --name api …; max_memory_restart, env were not taken/),
    });
  });

  it("takes a bare name for the app, and a path for the file", async () => {
    await writeFile(join(velosd.home, "api"), "#!/bin/sh\n", { mode: 0o755 });
    await mkdir(join(velosd.home, "web"));
    await velosd.velos("start", "server.js", "--name", "api");
    await velosd.velos("start", "server.js", "--name", "web");
    expect(firstLine(await velosd.velos("start", "api"))).toBe("api: unchanged, it runs as asked");
    expect(firstLine(await velosd.velos("start", "web"))).toBe("web: unchanged, it runs as asked");
    expect(firstLine(await velosd.velos("start", "./api", "--name", "other"))).toBe("other: started 1 instance");
    const [other] = await velosd.controller.apps.list(["other"]);
    expect(other!.command).toBe(join(velosd.home, "api"));
  });

  it("runs commands: in quotes, and behind --", async () => {
    await velosd.velos("start", "sleep 100", "--name", "quoted");
    await velosd.velos("start", "--", "sleep", "100");
    await velosd.velos("start", "server.js", "--name", "args", "--", "--help", "a b", "-i");
    const specs = async (name: string): Promise<unknown> => (await velosd.controller.apps.describe(name)).spec;
    expect(await specs("quoted")).toMatchObject({ args: ["100"], program: expect.stringMatching(/\/sleep$/) });
    expect(await specs("sleep")).toMatchObject({ args: ["100"], program: expect.stringMatching(/\/sleep$/) });
    expect(await specs("args")).toMatchObject({ args: [join(velosd.home, "server.js"), "--help", "a b", "-i"] });
  });

  it("starts nothing on a mistake", async () => {
    for (const argv of [
      ["nope.js"],
      ["server.js", "extra"],
      ["server.js", "--cwd", "/nope"],
      ["server.js", "-i", "0"],
    ]) {
      expect(await velosd.velos("start", ...argv), argv.join(" ")).toMatchObject({ code: 2, out: "" });
    }
    expect(await velosd.controller.apps.list()).toEqual([]);
  });

  it("says why an instance did not come up, with code 1", async () => {
    velosd.world.behave = () => ({ exitCode: 3, prints: ["Error: no database"] });
    const { code, out, err } = await velosd.velos("start", "server.js", "--name", "api", "--no-autorestart");
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("api:0 | Error: no database");
    expect(err).toMatch(/velos: api:0 did not come up: .*exit code 3/);
  });

  it("--dry-run shows the spec and asks nobody", async () => {
    const { code, out } = await velosd.velos("start", "server.js", "--dry-run", "-e", "A=1");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject([{ instances: 1, spec: { name: "server", env: { A: "1" } } }]);
    expect(velosd.world.calls).toEqual([]);
  });
});

describe("what is done to one app at a time", () => {
  it("is refused for a selector that means several, and for `all` where there is none", async () => {
    for (const argv of [
      ["scale", "all", "2"],
      ["describe", "a*"],
      ["env", "all"],
    ]) {
      const { code, err } = await velosd.velos(...argv);
      expect([code, err.split("\n")[0]]).toEqual([3, `velos: no app matches '${argv[1]}'`]);
    }
    for (const name of ["a1", "a2"]) await velosd.velos("start", "server.js", "--name", name);
    for (const argv of [
      ["scale", "all", "2"],
      ["describe", "a*"],
      ["env", "all"],
    ])
      expect(await velosd.velos(...argv)).toMatchObject({
        code: 2,
        err: `velos: '${argv[1]}' means 2 apps, and this is done to one\n  name one of them: a1, a2\n`,
      });
    await velosd.velos("delete", "a2");
    expect((await velosd.velos("scale", "a*", "2")).code).toBe(0);
  });

  it("is refused for a number, which other tools give to apps", async () => {
    await velosd.velos("start", "server.js", "--name", "api");
    expect((await velosd.velos("stop", "0")).err).toContain("apps have names, such as api; see `velos list`");
  });
});

describe("velos describe", () => {
  it("tells delays as they were written, and when an instance is ready and not restarted", async () => {
    const flags = "--kill-timeout 1600 --min-uptime 2500 --exp-backoff-restart-delay 700 --stop-exit-codes 3".split(
      " ",
    );
    await velosd.velos("start", "server.js", "--name", "api", "--wait-ready", "--listen-timeout", "90s", ...flags);
    const { out } = await velosd.velos("describe", "api");
    expect(out).toMatch(/^stops +SIGTERM, after 1s600ms SIGKILL$/m);
    expect(out).toMatch(/^ready +when it says so, within 1m30s$/m);
    expect(out).toMatch(
      /^restarts +after 700ms, and longer each time, not after exit code 3, gives up after 15 in a row shorter than 2s500ms$/m,
    );
  });
});

describe("velos scale", () => {
  beforeEach(() => velosd.velos("start", "server.js", "--name", "api", "-i", "4"));
  const size = async (): Promise<number> => (await velosd.controller.apps.list(["api"]))[0]!.instances;

  it.each([
    [["api", "6"], 6],
    [["api", "+2"], 6],
    [["api", "-1"], 3],
    [["api", "-2", "--json"], 2],
    [["--json", "api", "-3"], 1],
  ])("%j makes %i", async (argv, expected) => {
    expect((await velosd.velos("scale", ...argv)).code).toBe(0);
    expect(await size()).toBe(expected);
  });

  it("refuses what cannot be", async () => {
    expect((await velosd.velos("scale", "api", "-4")).err).toContain("there are 4, and an app has at least one");
    expect((await velosd.velos("scale", "api", "many")).code).toBe(2);
    expect((await velosd.velos("scale", "nope", "2")).code).toBe(3);
    expect((await velosd.velos("scale", "api:1", "2")).err).toContain("an app is scaled as a whole");
    expect(await size()).toBe(4);
  });
});

describe("the other commands", () => {
  beforeEach(() =>
    velosd.velos("start", "server.js", "--name", "api", "-i", "2", "-e", "GREETING=hello", "--min-uptime", "0"),
  );

  it("list shows what is asked for", async () => {
    await velosd.velos("start", "server.js", "--name", "web");
    const rows = async (...argv: string[]): Promise<string[]> =>
      (await velosd.velos("list", ...argv)).out
        .trim()
        .split("\n")
        .slice(1)
        .map((line) => line.split(" ")[0]!);
    expect(await rows()).toEqual(["api:0", "api:1", "web:0"]);
    expect(await rows("api")).toEqual(["api:0", "api:1"]);
    expect(await rows("w*")).toEqual(["web:0"]);
    expect(await rows("api:1")).toEqual(["api:1"]);
    expect(await velosd.velos("list", "nope")).toEqual({
      code: 3,
      out: "",
      err: "velos: no app matches 'nope'\n  see `velos list`\n",
    });
    expect((await velosd.velos("list", "apl")).err).toBe(
      "velos: no app matches 'apl'\n  is it api? see `velos list`\n",
    );
  });

  it("list says why something is down, and when there is nothing", async () => {
    await velosd.velos("start", "server.js", "--name", "web", "--restart-delay", "1m");
    velosd.world.crash("web", 0, { code: 7 });
    const { out } = await velosd.velos("list");
    expect(out).toMatch(/web:0 {2}waiting/);
    expect(out).toContain("web:0: crashed (exit code 7), is started again");
    await velosd.velos("delete", "all");
    expect(await velosd.velos("ls")).toEqual({
      code: 0,
      out: "no apps; `velos start app.js -i 4` starts one\n",
      err: "",
    });
  });

  it("stop, restart, reload", async () => {
    const pids = async (): Promise<unknown[]> =>
      (await velosd.controller.apps.list(["api"]))[0]!.processes.map(({ pid }) => pid);
    const first = await pids();
    expect((await velosd.velos("restart", "api:1")).code).toBe(0);
    const second = await pids();
    expect([second[0] === first[0], second[1] === first[1]]).toEqual([true, false]);
    expect((await velosd.velos("restart", "api")).code).toBe(0);
    expect((await pids())[0]).not.toBe(second[0]);
    expect((await velosd.velos("stop", "api")).out).toMatch(/api:0 {2}stopped/);
    expect((await velosd.velos("stop", "nope")).code).toBe(3);
  });

  it("delete forgets apps, not instances", async () => {
    expect(await velosd.velos("delete", "api:0")).toMatchObject({
      code: 2,
      err: expect.stringContaining("an app is deleted as a whole"),
    });
    expect(await velosd.velos("delete", "api")).toEqual({ code: 0, out: "deleted api\n", err: "" });
    expect(await velosd.velos("delete", "all")).toEqual({ code: 0, out: "no apps\n", err: "" });
  });

  it("describe, env, signal, ping", async () => {
    const { out } = await velosd.velos("describe", "api");
    expect(out).toMatch(/^app +api\ninstances +2 online of 2\n/);
    expect((await velosd.velos("info", "api:1")).out).toMatch(/\nunit +memory api@1\n/);
    expect((await velosd.velos("env", "api:1")).out).toContain("GREETING=hello\n");
    expect((await velosd.velos("env", "api:1")).out).toContain("VELOS_INSTANCE_ID=1\n");
    expect((await velosd.velos("signal", "hup", "api")).out).toBe("signalled api:0, api:1\n");
    expect((await velosd.velos("signal", "SIGNOPE", "api")).code).toBe(2);
    expect((await velosd.velos("ping")).out).toMatch(/^velosd 1\.2\.3, pid \d+, user scope, backend memory, up /);
  });

  it("logs shows lines with their instance, and follows until Ctrl-C", async () => {
    velosd.world.log.write("api", 0, "one", Date.now());
    velosd.world.log.write("api", 1, "ERROR two", Date.now() + 1);
    expect((await velosd.velos("logs", "api")).out).toBe("api:0 | one\napi:1 | ERROR two\n");
    expect((await velosd.velos("logs", "api", "--level", "error")).out).toBe("api:1 | ERROR two\n");
    expect((await velosd.velos("logs", "api", "-n", "1")).out).toBe("api:1 | ERROR two\n");
    expect((await velosd.velos("logs", "--grep", "(")).code).toBe(2);
  });

  it("kill ends velosd and nothing else", async () => {
    const { code, out } = await velosd.velos("kill");
    expect([code, out]).toEqual([0, expect.stringMatching(/^velosd \(pid \d+\) has ended; applications go on\n$/)]);
    expect(velosd.world.apps.get("api")?.size).toBe(2);
    expect((await velosd.velos("kill")).out).toBe("velosd does not run\n");
  });

  it("doctor lists what is there", async () => {
    const { code, out } = await velosd.velos("doctor", "--backend", "spawn");
    expect(code).toBe(0);
    expect(out).toContain(`ok  socket   ${velosd.home}/run/velosd.sock\n`);
    expect(out).toMatch(/^ok {2}velosd +1\.2\.3, pid|^-- {2}velosd +1\.2\.3, pid/m);
    expect(out).toMatch(/^ok {2}memory +no processes: for tests$/m);
  });
});

describe("--json", () => {
  beforeEach(() => velosd.velos("start", "server.js", "--name", "api", "-i", "2", "--min-uptime", "0"));
  const apps = Type.Object({ apps: Type.Array(AppSchema) });
  const valid = (schema: TSchema, value: unknown): void => {
    expect([...Value.Errors(schema, value)].slice(0, 3)).toEqual([]);
  };

  it("answers with the shapes of the API", async () => {
    valid(apps, await velosd.json("list"));
    for (const argv of [
      ["start", "api"],
      ["start", "server.js", "--name", "b"],
      ["stop", "api"],
      ["restart", "api"],
      ["reload", "api:0"],
    ])
      valid(apps, await velosd.json(...argv));
    valid(Type.Object({ app: AppSchema }), await velosd.json("scale", "api", "3"));
    valid(operations.describe.result, await velosd.json("describe", "api:1"));
    valid(operations.env.result, await velosd.json("env", "api:0"));
    valid(operations.signal.result, await velosd.json("signal", "HUP", "api"));
    valid(operations.ping.result, await velosd.json("ping"));
    valid(operations.doctor.result, await velosd.json("doctor"));
    valid(operations.delete.result, await velosd.json("delete", "all"));
    valid(
      Type.Object({ shell: Type.Literal("bash"), script: Type.String() }),
      await velosd.json("completions", "bash"),
    );
    valid(Type.Object({ pid: Type.Integer() }), await velosd.json("kill"));
    valid(Type.Object({ pid: Type.Null() }), await velosd.json("kill"));
  });

  it("start says the outcome of each app", async () => {
    const { apps: started } = await velosd.json<{ apps: (AppView & { outcome: string })[] }>(
      "start",
      "server.js",
      "--name",
      "new",
    );
    expect(started.map(({ name, outcome }) => [name, outcome])).toEqual([["new", "created"]]);
  });

  it("gives logs a line each", async () => {
    velosd.world.log.write("api", 0, "a\tb", Date.now());
    velosd.world.log.write("api", 1, "c", Date.now());
    const { out } = await velosd.velos("logs", "--json");
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toHaveLength(2);
    for (const line of lines) valid(LogLineSchema, line);
  });

  it("gives errors on stdout, with their code, and nothing on stderr", async () => {
    const error = Type.Object({
      error: Type.Object({
        code: Type.String(),
        message: Type.String(),
        hint: Type.Optional(Type.String()),
        details: Type.Object({}),
      }),
    });
    for (const [argv, code] of [
      [["stop", "nope"], 3],
      [["start", "nope.js"], 2],
      [["scale", "api", "0"], 2],
    ] as const) {
      const outcome = await velosd.velos(...argv, "--json");
      expect([outcome.code, outcome.err]).toEqual([code, ""]);
      valid(error, JSON.parse(outcome.out));
    }
  });

  it("belongs to the app behind --", async () => {
    const { out } = await velosd.velos("start", "server.js", "--name", "c", "--", "--json");
    expect(out).toMatch(/^c: started/);
  });
});
