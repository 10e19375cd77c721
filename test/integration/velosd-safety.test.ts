import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SpawnHome } from "./spawn-home.ts";
import { velosProgram } from "./systemd/velos.ts";

let home: SpawnHome;
const sockets = new Set<Socket>();

beforeEach(() => {
  home = new SpawnHome();
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await home.close();
});

/** A client that says what it likes; what it is told is gathered. */
const client = async (): Promise<{ socket: Socket; told: () => string; closed: Promise<unknown> }> => {
  const socket = connect(join(home.path, "run", "velosd.sock"));
  sockets.add(socket);
  socket.on("error", () => {});
  let told = "";
  socket.on("data", (data) => (told += data.toString()));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await once(socket, "connect");
  return { socket, told: () => told, closed };
};

const until = async (holds: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  for (const deadline = Date.now() + 20_000; !(await holds()); await new Promise((go) => setTimeout(go, 20)))
    if (Date.now() > deadline) throw new Error(`not within 20 s: ${what}`);
};

const memoryOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;

describe("clients that misbehave", () => {
  it("garbage, halves, cuts and requests that are none: velosd stays, and others are answered", async () => {
    await home.must("start", "sleep", "--name", "steady", "--", "1000");
    const [pid, steady] = [await home.daemonPid(), await home.pids("steady")];
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(`${text}\n`)),
      fc
        .record({
          jsonrpc: fc.constant("2.0"),
          id: fc.oneof(fc.nat(5), fc.string()),
          method: fc.constantFrom("list", "describe", "logs", "watch", "env", "signal", "start", "no-such"),
          params: fc.object({ key: fc.constantFrom("selector", "selectors", "app", "spec", "lines", "__proto__") }),
        })
        .map((request) =>
          Buffer.from(`${JSON.stringify(request, (_, v: unknown) => (typeof v === "bigint" ? String(v) : v))}\n`),
        ),
    );
    const other = await client();
    let asked = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 10 }), fc.boolean(), async (pieces, isCut) => {
        const bad = await client();
        for (const bytes of pieces) bad.socket.write(bytes);
        if (isCut) bad.socket.destroy();
        else bad.socket.end();
        other.socket.write(`${JSON.stringify({ jsonrpc: "2.0", id: ++asked, method: "ping", params: {} })}\n`);
        await until(() => other.told().split("\n").length > asked, "an answer to another client");
        if (!isCut) await bad.closed;
      }),
      { numRuns: 150 },
    );
    expect(await home.daemonPid()).toBe(pid);
    expect(await home.pids("steady")).toEqual(steady);
    expect(home.log).not.toMatch(/^\s+at /m);
  }, 120_000);

  it("100 MB without an end: an error, the line is cut, and velosd gives the memory back", async () => {
    const pid = await home.daemonPid();
    const { socket, told, closed } = await client();
    const block = randomBytes(1 << 19).toString("hex");
    for (let sent = 0; sent < 100 && !socket.destroyed; sent++) {
      if (!socket.write(block)) await Promise.race([once(socket, "drain").catch(() => {}), closed]);
    }
    await closed;
    expect(told()).toMatch(/a message may have \d+ bytes/);
    expect(await home.daemonPid()).toBe(pid);
    await until(() => memoryOf(pid) < 200 * 2 ** 20, "memory given back");
  }, 60_000);

  it("500 that connect and say nothing, or a byte now and then, keep nobody waiting", async () => {
    const pid = await home.daemonPid();
    const slow = await Promise.all(Array.from({ length: 500 }, async () => client()));
    for (const byte of '{"jsonrpc":"2.0","id":1,') {
      for (const { socket } of slow) socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await home.must("list")).code).toBe(0);
    // Whoever finishes what it has begun is answered.
    slow[0]!.socket.write('"method":"ping"}\n');
    await until(() => slow[0]!.told().includes(`"pid":${pid}`), "an answer to the slow one");
  }, 60_000);
});

describe("out of descriptors", () => {
  it("commands fail with a reason, apps run on, and all is well once there are some again", async () => {
    await home.must("start", "sleep", "--name", "steady", "-i", "2", "--", "1000");
    const [pid, steady] = [await home.daemonPid(), await home.pids("steady")];
    const { socket, told } = await client();
    const ask = async (id: number, method: string, params: object): Promise<string> => {
      socket.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
      await until(() => told().split("\n").length > id, `an answer to ${method}`);
      return told().split("\n")[id - 1]!;
    };
    await ask(1, "ping", {});
    const open = (): number[] => readdirSync(`/proc/${pid}/fd`).map(Number);
    const [before, highest] = [open().length, Math.max(...open())];
    execFileSync("prlimit", [`--pid=${pid}`, `--nofile=${highest + 50}:4096`]);
    // Every descriptor that is left goes to a client; who finds none is closed.
    const many: Socket[] = [];
    while (!many.some((one) => one.destroyed)) many.push((await client()).socket);
    expect(await ask(2, "scale", { app: "steady", instances: "+1" })).toContain('"code":"STORE_FAILED"');
    expect(await ask(3, "list", {})).toContain('"online":2');
    const command = await home.velos("scale", "steady", "+1");
    expect(command.code).not.toBe(0);
    expect(command.stderr).toMatch(/^velos: \S.*\n {2}\S.*\n$/);
    for (const one of many) one.destroy();
    await until(() => open().length <= before, "descriptors given back");
    expect(await home.daemonPid()).toBe(pid);
    expect(await home.pids("steady")).toEqual(steady);
    await home.must("scale", "steady", "3");
    expect((await home.pids("steady")).slice(0, 2)).toEqual(steady);
  }, 60_000);
});

describe("what the shell of the first command had open", () => {
  it("is kept neither by velosd nor by its apps", async () => {
    const velos = `"${process.execPath}" "${velosProgram}" --user start sleep --name steady -- 1000`;
    // cat ends when nobody can write into its pipe any more.
    const { stdout } = await promisify(execFile)("bash", ["-c", `${velos} 18>&1 200>&1 | cat`], {
      cwd: home.path,
      env: home.env,
      timeout: 20_000,
    });
    expect(stdout).toContain("steady: started 1 instance");
    expect((await home.app("steady")).processes).toMatchObject([{ status: "online" }]);
  });
});

describe("SIGHUP", () => {
  it("reads the config again, and says what applies from when", async () => {
    const pid = await home.daemonPid();
    home.write("velos.toml", 'otel_endpoint = "http://127.0.0.1:9"\nidle_exit = "5m"\n');
    process.kill(pid, "SIGHUP");
    await until(() => home.log.includes("reload: "), "a line about it");
    expect(home.log).toMatch(
      /reload: \S+velos\.toml was read: .*otel_… has changed and applies when velosd is started anew/,
    );
    expect(await home.daemonPid()).toBe(pid);
  });

  it("is heard by a velosd that has only just answered for the first time", async () => {
    home.write("velos.toml", 'idle_exit = "5m"\n');
    for (let round = 0; round < 5; round++) {
      const starting = home.velos("ping");
      let found: Awaited<ReturnType<typeof client>> | undefined;
      // Without a pause: it is a matter of milliseconds.
      while (!found) found = await client().catch(() => undefined);
      const { socket, told } = found;
      socket.write('{"jsonrpc":"2.0","id":1,"method":"ping","params":{}}\n');
      while (!told().includes("\n")) await new Promise((resolve) => setImmediate(resolve));
      const { pid } = (JSON.parse(told()) as { result: { pid: number } }).result;
      process.kill(pid, "SIGHUP");
      await starting;
      expect(await home.daemonPid()).toBe(pid);
      await until(() => home.log.split("reload: ").length > round + 1, "a line about it");
      await home.must("kill");
    }
  }, 60_000);

  it("changes nothing by a file with a mistake, and says where it is", async () => {
    const pid = await home.daemonPid();
    home.write("velos.toml", "\nidle_exit = true\n");
    process.kill(pid, "SIGHUP");
    await until(() => home.log.includes("reload: "), "a line about it");
    expect(home.log).toMatch(/reload: nothing was changed: \S+velos\.toml:2:13: idle_exit should be a duration/);
    expect(await home.daemonPid()).toBe(pid);
  });
});

describe("directories that are not safe", () => {
  it.each(["run", "."])("velosd does not start when everybody may write %s", async (name) => {
    const path = join(home.path, name);
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o777);
    const { code, stderr } = await home.velos("list");
    expect(code).not.toBe(0);
    expect(stderr).toContain("is writable by everybody");
    chmodSync(path, 0o700);
    await home.must("list");
  });

  it.runIf(process.getuid?.() === 0)("nor when its runtime directory is another user's", async () => {
    const path = join(home.path, "run");
    mkdirSync(path, { mode: 0o700 });
    chownSync(path, 65534, 65534);
    expect((await home.velos("list")).stderr).toContain("belongs to user 65534");
    chownSync(path, 0, 0);
    await home.must("list");
  });

  it("its socket is for its user alone", async () => {
    await home.must("ping");
    expect(statSync(join(home.path, "run", "velosd.sock")).mode & 0o777).toBe(0o600);
    expect(statSync(join(home.path, "run")).mode & 0o777).toBe(0o700);
  });
});
