import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { SshServer } from "./ssh-server.ts";
import { until } from "./systemd/until.ts";
import type { Outcome } from "./systemd/velos.ts";
import { succeeded, velosProgram } from "./systemd/velos.ts";

const server = new SshServer();
beforeAll(() => server.start());
afterAll(async () => {
  await velos("delete", "all");
  await velos("kill");
  await server.close();
});

/** Runs velos here, as a shell of this machine would. */
const run = async (args: readonly string[], env = server.env): Promise<Outcome> => {
  const began = performance.now();
  const child = spawn(process.execPath, ["--", velosProgram, ...args], { cwd: server.path("here"), env });
  const text = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text.stdout += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text.stderr += chunk));
  child.stdin.end();
  const [code] = (await once(child, "close")) as [number | null];
  return { args, code, ...text, tookMs: performance.now() - began };
};
const velos = (...args: string[]): Promise<Outcome> => run(["--host", "there", ...args]);
const must = async (...args: string[]): Promise<string> => succeeded(await velos(...args)).stdout;

describe("velos --host", () => {
  afterEach(() => must("delete", "all"));

  it("starts, looks at, changes and deletes apps of the other server, and touches nothing here", async () => {
    const app = resolve("packaging/examples/worker.sh");
    expect(await must("start", app, "--name", "far", "-i", "2")).toContain("far: started 2 instances");
    expect(await must("list")).toMatch(/far:1 +online/);
    expect(succeeded(await run(["list", "--host=there"])).stdout).toMatch(/far:0 +online/);
    expect(succeeded(await run(["list"], { ...server.env, VELOS_HOST: "there" })).stdout).toMatch(/far:0 +online/);
    expect(await must("scale", "far", "-1")).not.toContain("far:1");
    await must("reload", "far");
    expect(await must("describe", "far")).toContain(app);
    expect(JSON.parse(await must("env", "far:0", "--json"))).toMatchObject({ env: { VELOS_APP: "far" } });
    expect(await must("signal", "SIGCONT", "far")).toContain("far:0");
    expect(await must("metrics", "--once")).toContain('velos_process_exits_total{name="far"');
    expect(await must("export", "kubernetes", "far")).toContain("kind: Deployment");
    expect(await must("ping")).toContain("velosd");
    expect(existsSync(server.path("here", "run"))).toBe(false);
  });

  it("passes arguments on as they are, and reads files there", async () => {
    const words = ["a b", "it's", "$HOME", '"', "*", ""];
    await must(
      "start",
      "--name",
      "echoed",
      "--",
      "sh",
      "-c",
      'for w; do echo "<$w>"; done; exec sleep 1000',
      "sh",
      ...words,
    );
    const expected = words.map((word) => `<${word}>`);
    await until("it wrote them", async () => (await must("logs", "echoed")).includes("<*>"));
    expect(
      (await must("logs", "echoed"))
        .trimEnd()
        .split("\n")
        .map((line) => line.replace("echoed:0 | ", "")),
    ).toEqual(expected);
    writeFileSync(server.path("there", "apps.toml"), '[apps.filed]\nscript = "sleep 1000"\n');
    expect(await must("apply", "-f", server.path("there", "apps.toml"), "--prune")).toBe(
      "filed: created\nechoed: deleted\n",
    );
  });

  it("follows logs, and ends with Ctrl-C", async () => {
    await must("start", "--name", "talks", "--", "sh", "-c", "while :; do echo word; sleep 0.1; done");
    const child = spawn(process.execPath, ["--", velosProgram, "--host", "there", "logs", "-f"], { env: server.env });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    await until("it talks", () => out.split("word").length > 20);
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([130, null]);
  });

  it("says that the connection is lost", async () => {
    await must("start", "--name", "talks", "--", "sh", "-c", "while :; do echo word; sleep 0.1; done");
    const child = spawn(process.execPath, ["--", velosProgram, "--host", "there", "logs", "-f"], { env: server.env });
    const text = { out: "", err: "" };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text.out += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text.err += chunk));
    await until("it talks", () => text.out.includes("word"));
    const ssh = execFileSync("pgrep", ["-P", String(child.pid)], { encoding: "utf8" });
    process.kill(Number(ssh), "SIGKILL");
    expect(await once(child, "close")).toEqual([4, null]);
    expect(text.err.split("\n")[0]).toBe("velos: cannot reach velosd: the connection to there was lost");
  });

  it("serves agents there", async () => {
    const child = spawn(process.execPath, ["--", velosProgram, "--host", "there", "mcp"], { env: server.env });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    const client = { protocolVersion: "2025-03-26", capabilities: {}, clientInfo: { name: "test", version: "1" } };
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: client })}\n`);
    await until("it answers", () => out.includes('"serverInfo"'));
    child.stdin.end();
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("ends with the exit codes of a command that is run here", async () => {
    expect(await velos("stop", "nope")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("no app matches 'nope'"),
    });
    expect(await velos("start", "/none.js")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no such script"),
    });
    expect(await velos("list", "--nope")).toMatchObject({ code: 2 });
  });
});

describe("what is in the way of velos --host is told in one line", () => {
  const fails = async (args: readonly string[], says: string, env = server.env): Promise<void> => {
    const { code, stdout, stderr } = await run(args, env);
    expect({ code, stdout, lines: stderr.trimEnd().split("\n").length }).toEqual({ code: 4, stdout: "", lines: 2 });
    expect(stderr).toContain(`velos: cannot reach velosd: ${says}`);
  };
  afterEach(() => server.velosIs(`exec "${process.execPath}" -- "${velosProgram}" "$@"`));

  it("nobody answers", () => fails(["--host", "nobody", "list"], "connect to host 127.0.0.1 port"));
  it("no key that is known there", () =>
    fails(["--host", "stranger", "list"], `${userInfo().username}@127.0.0.1: Permission denied`));
  it("no such name", () =>
    fails(["--host", "me@no.such.host.invalid", "list"], "Could not resolve hostname no.such.host"));
  it("no ssh here", () =>
    fails(["--host", "there", "list"], "there is no ssh here", { ...server.env, PATH: "/nowhere" }));

  it("no velos there", async () => {
    server.velosIs('echo "sh: 1: velos: not found" >&2', "exit 127");
    await fails(["--host", "there", "list"], "there is no velos on there");
  });

  it("an old velos there", async () => {
    server.velosIs(`echo "velos: there is no command 'dial-stdio'" >&2`, "exit 2");
    await fails(["--host", "there", "list"], "velos on there is too old for --host");
  });

  it("a velosd there that cannot be had", async () => {
    server.velosIs(`VELOS_HOME=/dev/null/x exec "${process.execPath}" -- "${velosProgram}" "$@"`);
    await fails(["--host", "there", "list"], "on there: ");
  });

  it("a shell that greets does not matter, another version is told", async () => {
    const dial = `"${process.execPath}" -- "${velosProgram}" "$@"`;
    server.velosIs(
      "echo welcome to this server",
      "echo velos-dial 9.9.1",
      `exec ${dial} | sed -u "s/^velos-dial .*//"`,
    );
    expect(await velos("list")).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^velos: velos on there is 9\.9\.1, this one is \d/),
    });
  });

  it.each([
    [["--host", "-oProxyCommand=touch pwned", "list"], "is not a server"],
    [["--host", "-oProxyCommand=x", "list"], "is not a server"],
    [["--host", "there", "run", "x.js"], "velos run is about this machine, not about there"],
    [["--host", "there", "api"], "velos api is about this machine"],
    [["list", "--host"], "--host needs a value"],
  ])("%j is refused", async (args, says) => {
    expect(await run(args)).toMatchObject({ code: 2, stderr: expect.stringContaining(says) });
    expect(existsSync(server.path("here", "pwned"))).toBe(false);
  });
});
