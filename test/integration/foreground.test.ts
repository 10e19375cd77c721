import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "./systemd/free-port.ts";
import { until } from "./systemd/until.ts";
import { runVelos, velosProgram } from "./systemd/velos.ts";

let home: string;
let env: Record<string, string | undefined>;
let running: ChildProcess[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "velos-fg-"));
  env = { PATH: process.env["PATH"], HOME: home, VELOS_HOME: home, TMPDIR: home, NO_COLOR: "1" };
});
afterEach(async () => {
  for (const child of running) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      child.kill("SIGTERM");
      await once(child, "exit");
    }
  }
  running = [];
  rmSync(home, { recursive: true, force: true });
});

const script = (name: string, ...lines: string[]): string => {
  writeFileSync(join(home, name), `#!/bin/sh\n${lines.join("\n")}\n`, { mode: 0o755 });
  return `./${name}`;
};

/** `velos run`, that somebody talks to while it runs. */
class Foreground {
  readonly child: ChildProcess;
  out = "";
  err = "";
  readonly ended: Promise<number | string>;

  constructor(args: readonly string[], program = [process.execPath, "--", velosProgram, "--user", "run"]) {
    const [file, ...words] = [...program, ...args];
    this.child = spawn(file!, words, { cwd: home, env, stdio: ["ignore", "pipe", "pipe"] });
    running.push(this.child);
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => (this.out += text));
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.err += text));
    this.ended = once(this.child, "close").then(([code, signal]) => (code ?? signal) as number | string);
  }

  async says(text: string): Promise<void> {
    await until(`it says ${text}, not ${this.out}${this.err}`, () => this.out.includes(text));
  }
}
const run = async (...args: string[]): Promise<{ code: number | string; out: string; err: string }> => {
  const foreground = new Foreground(args);
  const code = await foreground.ended;
  return { code, out: foreground.out, err: foreground.err };
};
/** What is left in TMPDIR, which is the home too. */
const leftovers = (): string[] => readdirSync(home).filter((name) => name.startsWith("velos-run-"));

describe("velos run", () => {
  it.each([
    ["exit 0", 0],
    ["exit 7", 7],
    ["kill -KILL $$", 137],
  ])("ends with the code of the app: %s", async (line, expected) => {
    const path = script("app.sh", "echo begins", "echo says >&2", line);
    expect(await run(path, "--no-autorestart")).toEqual({
      code: expected,
      out: "begins\nsays\n",
      err: expect.any(String),
    });
    expect(leftovers()).toEqual([]);
  });

  it("restarts by the app's policy, and ends when the app is given up; several instances are told apart", async () => {
    const path = script("app.sh", "echo $VELOS_INSTANCE_ID >>runs", "echo run", "sleep 0.3", "exit 3");
    const { code, out } = await run(path, "-i", "2", "--max-restarts", "2", "--min-uptime", "10s");
    expect(code).toBe(3);
    const lines = out.trimEnd().split("\n").sort();
    expect(lines).toEqual([...Array<string>(3).fill("app:0 | run"), ...Array<string>(3).fill("app:1 | run")]);
    expect(readFileSync(join(home, "runs"), "utf8").trim().split("\n")).toHaveLength(6);
  });

  it("goes on as long as one app does, and takes apps, profiles and --only from a file", async () => {
    script("short.sh", 'echo "$GREETING"', "exit 4");
    script("long.sh", "while [ ! -e done ]; do sleep 0.05; done", "echo done");
    const shared = "autorestart = false\n";
    writeFileSync(
      join(home, "velos.toml"),
      `[apps.short]\nscript = "./short.sh"\n${shared}[apps.short.env]\nGREETING = "plain"\n[apps.short.env_loud]\nGREETING = "LOUD"\n` +
        `[apps.long]\nscript = "./long.sh"\n${shared}[apps.other]\nscript = "./none.sh"\n`,
    );
    const foreground = new Foreground(["--config", "velos.toml", "--only", "short,long", "--env", "loud"]);
    await foreground.says("short:0 | LOUD");
    expect(foreground.child.exitCode).toBe(null);
    writeFileSync(join(home, "done"), "");
    expect(await foreground.ended).toBe(4);
    expect(foreground.out).toContain("long:0 | done");
  });

  it("stops everything gracefully on SIGTERM, and shows the last words", async () => {
    const path = script("app.sh", 'trap "echo bye; exit 0" TERM', "echo up", "while :; do sleep 0.05; done");
    const foreground = new Foreground([path, "-i", "2"]);
    await foreground.says("app:0 | up");
    await foreground.says("app:1 | up");
    foreground.child.kill("SIGTERM");
    expect(await foreground.ended).toBe(0);
    expect(foreground.out.match(/bye/g)).toHaveLength(2);
    expect(leftovers()).toEqual([]);
  });

  it("ends what does not stop after its kill timeout, and at once when it is asked again", async () => {
    const path = script("app.sh", 'trap "" TERM', "echo up", "while :; do sleep 0.05; done");
    const quick = new Foreground([path, "--kill-timeout", "300ms"]);
    await quick.says("up");
    quick.child.kill("SIGINT");
    expect(await quick.ended).toBe(0);
    const slow = new Foreground([path, "--kill-timeout", "1h"]);
    await slow.says("up");
    slow.child.kill("SIGTERM");
    slow.child.kill("SIGINT");
    expect(await slow.ended).toBe(0);
  });

  it.each(["SIGHUP", "SIGUSR1", "SIGUSR2"] as const)("passes %s on to the apps", async (signal) => {
    const name = signal.slice(3);
    const path = script("app.sh", `trap "echo got ${name}" ${name}`, "echo up", "while :; do sleep 0.05; done");
    const foreground = new Foreground([path]);
    await foreground.says("up");
    foreground.child.kill(signal);
    await foreground.says(`got ${name}`);
    expect(foreground.child.exitCode).toBe(null);
  });

  it("serves with shared sockets; other commands find it, and velos kill ends it", async () => {
    const port = await freePort();
    const foreground = new Foreground([resolve("packaging/examples/http.mjs"), "-i", "2", "--listen", String(port)]);
    await foreground.says("listening");
    const velos = async (...args: string[]): Promise<string> => {
      const outcome = await runVelos(args, { cwd: home, env });
      expect([outcome.code, outcome.stderr]).toEqual([0, ""]);
      return outcome.stdout;
    };
    await until("both are online", async () => (await velos("list")).match(/http:\d +online/g)?.length === 2);
    await velos("reload", "http");
    expect(await body(port)).toMatch(/^hello from instance/);
    await velos("kill");
    expect(await foreground.ended).toBe(0);
    await expect(body(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("stops everything when nobody reads its output any more", async () => {
    const path = script("app.sh", 'trap "touch stopped; exit 0" TERM', "while :; do echo line; sleep 0.05; done");
    const foreground = new Foreground([path]);
    await foreground.says("line");
    foreground.child.stdout!.destroy();
    expect(await foreground.ended).toBe(0);
    expect(readdirSync(home)).toContain("stopped");
    expect(leftovers()).toEqual([]);
  });

  it("takes nobody's socket: a velosd that is there is left alone", async () => {
    const path = script("app.sh", "echo up", "exec sleep 1000");
    const first = new Foreground([path]);
    await first.says("up");
    const second = new Foreground([path, "--name", "second"]);
    await second.says("up");
    const own = /VELOS_HOME=(\S+) velos list/.exec(second.err)?.[1];
    expect(second.err).toContain("another velosd serves here");
    const list = await runVelos(["list"], { cwd: home, env: { ...env, VELOS_HOME: own } });
    expect(list.stdout).toMatch(/second:0 +online/);
    expect((await runVelos(["list"], { cwd: home, env })).stdout).toMatch(/app:0 +online/);
  });

  it("starts nothing when an address is taken, or the words make no sense", async () => {
    const server = createServer().listen(await freePort());
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const path = script("app.sh", "echo up", "exec sleep 1000");
    expect(await run(path, "--listen", String(port))).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining(`${port} is already in use`),
    });
    server.close();
    expect(await run("none.sh")).toMatchObject({ code: 2, err: expect.stringContaining("no such script: none.sh") });
    expect(await run(path, "--backend", "systemd")).toMatchObject({ code: 2 });
    expect(await run(path, "--dry-run")).toMatchObject({ code: 0, out: expect.stringContaining('"name": "app"') });
    expect(leftovers()).toEqual([]);
  });
});

describe("velos run of several apps leaves none behind", () => {
  /** Each of them takes its time to end; `more` are settings of single apps. */
  const writeApps = (names: readonly string[], more: Readonly<Record<string, string>>): void => {
    const tables = names.map((name) => {
      const lines = ['trap "sleep 0.5; exit 0" TERM', `touch ${name}.begun`, "while :; do sleep 0.05; done"];
      script(`${name}.sh`, ...lines);
      return `[apps.${name}]\nscript = "${home}/${name}.sh"\nautorestart = false\n${more[name] ?? ""}`;
    });
    writeFileSync(join(home, "velos.toml"), tables.join("\n"));
  };
  const begun = (): string[] => readdirSync(home).filter((name) => name.endsWith(".begun"));
  const pids = (): number[] => {
    const { stdout } = spawnSync("pgrep", ["-f", `${home}/[abc]\\.sh`], { encoding: "utf8" });
    return stdout.split("\n").filter(Boolean).map(Number);
  };

  afterEach(() => {
    for (const pid of pids()) process.kill(pid, "SIGKILL");
  });

  it("when one of them cannot be started", async () => {
    const server = createServer().listen(await freePort());
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    writeApps(["a", "b", "c"], { b: `listen = ["${port}"]\n` });
    expect(await run("--config", "velos.toml")).toMatchObject({
      code: 1,
      err: expect.stringContaining(`${port} is already in use`),
    });
    server.close();
    expect(pids()).toEqual([]);
    expect(leftovers()).toEqual([]);
  });

  it("when it is to end while one of them is on its way; what has not begun does not", async () => {
    const isSlow = 'wait_ready = true\nlisten_timeout = "1h"\n';
    writeApps(["a", "b", "c"], { a: isSlow, b: isSlow });
    const foreground = new Foreground(["--config", "velos.toml"]);
    await until("a runs", () => begun().length > 0);
    foreground.child.kill("SIGINT");
    expect(await foreground.ended).toBe(0);
    expect(pids()).toEqual([]);
    expect(begun()).toEqual(["a.begun"]);
    expect(leftovers()).toEqual([]);
  });
});

describe("velos run as the first process of a container", () => {
  const inside = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
  const init = resolve("dist/velos-run");
  /** Leaves processes behind that nobody but process 1 can take note of. */
  const orphans = [
    "for i in 1 2 3 4 5; do (setsid sh -c 'sleep 0.1' &) ; done",
    "sleep 0.6",
    "ps -eo pid=,ppid=,stat=,comm= | tee processes",
  ];

  it("takes note of the ends of orphans", async () => {
    const foreground = new Foreground([script("app.sh", ...orphans, "exit 5"), "--no-autorestart"], [...inside, init]);
    expect(await foreground.ended).toBe(5);
    const processes = foreground.out.trimEnd().split("\n");
    expect(
      processes.some((line) => /^ *1 +0 \S+ +velos-run$/.test(line)),
      foreground.out,
    ).toBe(true);
    expect(processes.filter((line) => / Z/.test(line))).toEqual([]);
    expect(foreground.err).not.toContain("no init");
  });

  it("passes signals on, and ends with velos", async () => {
    const path = script("app.sh", 'trap "echo bye; exit 0" TERM', "echo up $PPID", "while :; do sleep 0.05; done");
    const foreground = new Foreground([path], [...inside, init]);
    await foreground.says("up");
    const first = Number(spawnSync("pgrep", ["-P", String(foreground.child.pid)], { encoding: "utf8" }).stdout);
    process.kill(first, "SIGTERM");
    expect(await foreground.ended).toBe(0);
    expect(foreground.out).toContain("bye");
  });

  it("becomes a shell that does so where Node lets it, and says so where not", async () => {
    const path = script("app.sh", ...orphans);
    const foreground = new Foreground(
      [path, "--no-autorestart"],
      [...inside, process.execPath, "--", velosProgram, "run"],
    );
    expect(await foreground.ended).toBe(0);
    const zombies = foreground.out.split("\n").filter((line) => / Z/.test(line)).length;
    if ("execve" in process) expect([zombies, foreground.err.includes("no init")]).toEqual([0, false]);
    else expect([zombies > 0, foreground.err.includes("use velos-run, or docker --init")]).toEqual([true, true]);
  });
});

const body = (port: number): Promise<string> =>
  new Promise((done, fail) => {
    get({ port, host: "127.0.0.1", agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => done(text));
    }).on("error", fail);
  });
