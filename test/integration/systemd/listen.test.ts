import { constants, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { readLoadTable } from "../../load/load-table.ts";
import { startLoad } from "../../load/load.mjs";
import { freePort } from "./free-port.ts";
import { useScene } from "./scene.ts";
import { loadedUnits, property, systemctl } from "./systemctl.ts";
import { underLoad } from "./under-load.ts";
import { until } from "./until.ts";
import { ask, readAnswer, webApp } from "./web-app.ts";

const scene = useScene();

const others: Server[] = [];
afterEach(async () => {
  for (const server of others.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** Somebody else who listens on a port. */
const occupy = async (port: number): Promise<void> => {
  const server = createServer().listen(port, "127.0.0.1");
  others.push(server);
  await new Promise((resolve) => server.once("listening", resolve));
  expect((server.address() as AddressInfo).port).toBe(port);
};

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === "::1"),
);

/** The instances that answer, until as many have as there should be. */
const served = async (where: { url?: string; socketPath?: string }, count: number): Promise<number[]> => {
  const seen = new Set<number>();
  await until(`${count} instances answer`, async () => {
    const load = startLoad({ ...where, clients: 8, keepAlive: false, by: "body", requests: 64 });
    const { failed, perInstance } = await load.finished;
    expect(failed).toBe(0);
    for (const body of Object.keys(perInstance!)) seen.add(readAnswer(body).index);
    return seen.size >= count;
  });
  return [...seen].sort();
};

/** Inode of the socket that listens on a port: another one once it was closed and opened again. */
const listener = (port: number): string | undefined => {
  const rows = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => readFileSync(path, "utf8").split("\n").slice(1));
  const hex = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const row = rows
    .map((line) => line.trim().split(/\s+/))
    .find((cells) => cells[1]?.endsWith(hex) && cells[3] === "0A");
  return row?.[9];
};

describe("connections that clients keep", () => {
  it("are kept even over the instances, also over those that come later", async () => {
    const port = await freePort();
    await scene.must("start", webApp(scene), "--name", "api", "-i", "2", "--listen", String(port));
    const table = join(scene.paths.managerRuntime ?? "", "velos-load", "api");
    const load = startLoad({ url: `http://127.0.0.1:${port}/`, clients: 12 });
    await until("both have six", () => String(readLoadTable(table)) === "6,6");
    await scene.must("scale", "api", "3");
    await until("all have four", () => String(readLoadTable(table)) === "4,4,4");
    await scene.must("scale", "api", "2");
    await until("both have six again", () => String(readLoadTable(table)) === "6,6,0");
    expect(await load.stop()).toMatchObject({ failed: 0, hung: 0 });
    await scene.must("delete", "api");
    expect(existsSync(table)).toBe(false);
  });
});

describe("an address that velos listens on", () => {
  it.each([
    ["host:port", (port: number) => `127.0.0.1:${port}`, "127.0.0.1"],
    ["a port", (port: number) => String(port), "127.0.0.1"],
    ["[::1]:port", (port: number) => `[::1]:${port}`, "[::1]"],
  ])("may be %s, and every instance answers there", async (form, written, host) => {
    if (form.startsWith("[") && !hasIpv6) return;
    const port = await freePort();
    await scene.must("start", webApp(scene), "--name", "api", "-i", "3", "--listen", written(port));
    expect(await served({ url: `http://${host}:${port}/` }, 3)).toEqual([0, 1, 2]);
  });

  it("may be a UNIX socket with a mode, which is gone after stop", async () => {
    const path = scene.path("run", "api.sock");
    scene.write("run/.keep", "");
    scene.write(
      "unix.mjs",
      `import http from "node:http";
      http.createServer((_, response) => response.end("1 " + process.env.NODE_APP_INSTANCE)).listen("${path}");`,
    );
    await scene.must("start", "unix.mjs", "--name", "api", "-i", "2", "--listen", `${path},mode=0620`);
    expect(statSync(path).mode & 0o777).toBe(0o620);
    expect(await served({ socketPath: path }, 2)).toEqual([0, 1]);
    await scene.must("stop", "api");
    expect(existsSync(path)).toBe(false);
  });

  it("may be one of several", async () => {
    const [web, admin] = [await freePort(), await freePort()];
    const path = scene.path("api.sock");
    scene.write(
      "many.mjs",
      `import http from "node:http";
      for (const address of [${web}, ${admin}, "${path}"])
        http.createServer((_, response) => response.end("1 " + process.env.NODE_APP_INSTANCE)).listen(address);`,
    );
    scene.write(
      "velos.toml",
      `[apps.api]\nscript = "many.mjs"\ninstances = 2\nlisten = [${web}, "127.0.0.1:${admin}", "${path}"]\n`,
    );
    await scene.must("start", "--config", "velos.toml");
    expect(await served({ url: `http://127.0.0.1:${web}/` }, 2)).toEqual([0, 1]);
    expect(await served({ url: `http://127.0.0.1:${admin}/` }, 2)).toEqual([0, 1]);
    expect(await served({ socketPath: path }, 2)).toEqual([0, 1]);
    await scene.must("stop", "api");
    expect([listener(web), listener(admin), existsSync(path)]).toEqual([undefined, undefined, false]);
  });
});

describe("the socket of an app", () => {
  it.each([
    ["0.0.0.0:port", (port: number) => `0.0.0.0:${port}`],
    ["[::]:port", (port: number) => `[::]:${port}`],
    ["a port", (port: number) => String(port)],
    ["an address that is not written as the manager does", (port: number) => `[0:0:0:0:0:0:0:1]:${port}`],
  ])("is known to the next velosd again, written as %s", async (about, written) => {
    if (about !== "0.0.0.0:port" && !hasIpv6) return;
    const port = await freePort();
    await scene.must("start", webApp(scene), "--name", "api", "-i", "2", "--listen", written(port));
    const [inode, before] = [listener(port), await scene.pids("api")];
    await scene.must("kill");
    await scene.must("scale", "api", "3");
    await scene.must("reload", "api:2");
    expect(listener(port)).toBe(inode);
    expect((await scene.pids("api")).slice(0, 2)).toEqual(before);
  });

  it("lives from start to stop: no scale, reload, crash or kill of all instances closes it", async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/`;
    await scene.must("start", webApp(scene), "--name", "api", "-i", "3", "--listen", String(port));
    const inode = listener(port);
    expect(inode).toBeDefined();

    const killed = await underLoad({ url, keepAlive: false }, async () => {
      await scene.must("scale", "api", "1");
      await scene.must("scale", "api", "4");
      await scene.must("reload", "api");
      await scene.must("restart", "api");
      const before = await scene.pids("api");
      for (const pid of before) process.kill(pid!, "SIGKILL");
      const velosd = await scene.connect();
      await until("all are online again", async () => {
        const { processes } = (await velosd.call("list", {})).apps[0]!;
        return processes.every(({ status, pid }, index) => status === "online" && pid !== before[index]);
      });
    });
    // What was in the hands of a process that is killed is lost; nobody is ever turned away.
    expect(killed.errors).not.toHaveProperty("ECONNREFUSED");
    expect(killed.hung).toBe(0);
    expect(listener(port)).toBe(inode);
    expect(await property("velos-api.socket", "NAccepted")).toBe("0");

    await scene.must("kill");
    expect(listener(port)).toBe(inode);
    await scene.must("stop", "api");
    expect(listener(port)).toBeUndefined();
    expect((await loadedUnits()).filter((unit) => /^velos-/.test(unit))).toEqual([]);

    await scene.must("start", "api");
    expect((await ask(url)).version).toBe("1");
    await scene.must("delete", "api");
    expect(listener(port)).toBeUndefined();
  });

  it("stays while every instance crashes at start, and queues who comes", async () => {
    const port = await freePort();
    scene.write(
      "crash.mjs",
      `import { existsSync } from "node:fs";
      if (!existsSync("fixed")) throw new Error("not yet");
      await import("./server.mjs");`,
    );
    webApp(scene);
    const restarts = ["--restart-delay", "50ms", "--max-restarts", "1000"];
    const started = await scene.velos(
      "start",
      "crash.mjs",
      "--name",
      "api",
      "-i",
      "2",
      "--listen",
      String(port),
      ...restarts,
    );
    expect(started.code).toBe(1);
    expect(started.stderr).toMatch(/api:\d did not come up: exit code 1/);
    expect(started.stderr).toMatch(/Error: not yet/);
    const waiting = ask(`http://127.0.0.1:${port}/`);
    scene.write("fixed", "");
    expect((await waiting).version).toBe("1");
    expect(await property("velos-api.socket", "ActiveState")).toBe("active");
  });

  it("never blocks who accepts, also after an instance that does not touch it has started", async () => {
    const port = await freePort();
    scene.write("velos.toml", `[apps.api]\ncommand = ["sleep", "1000"]\ninstances = 2\nlisten = [${port}]\n`);
    await scene.must("start", "--config", "velos.toml");
    const isBlocking = async (): Promise<boolean[]> =>
      (await scene.pids("api")).map((pid) => {
        const [, flags] = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/3`, "utf8"))!;
        return (Number.parseInt(flags!, 8) & constants.O_NONBLOCK) === 0;
      });
    expect(await isBlocking()).toEqual([false, false]);
    await scene.must("restart", "api:1");
    expect(await isBlocking()).toEqual([false, false]);
  });

  it("is opened again with the app when an operator has stopped it", async () => {
    const port = await freePort();
    await scene.must("start", webApp(scene), "--name", "api", "-i", "2", "--listen", String(port));
    await scene.must("stop", "api");
    await scene.must("start", "api");
    await systemctl("stop", "velos-api.socket");
    await scene.must("stop", "api");
    await scene.must("start", "api");
    expect((await ask(`http://127.0.0.1:${port}/`)).version).toBe("1");
  });
});

describe("an address that somebody else has", () => {
  it("is one error that names it and the process, and nothing is started", async () => {
    const port = await freePort();
    await occupy(port);
    const before = (await loadedUnits()).filter((unit) => !unit.startsWith("velosd"));
    const started = await scene.velos(
      "start",
      webApp(scene),
      "--name",
      "api",
      "-i",
      "2",
      "--listen",
      `127.0.0.1:${port}`,
    );
    expect(started.code).toBe(1);
    const [line, ...more] = started.stderr.trimEnd().split("\n");
    expect(line).toMatch(
      new RegExp(`^velos: 127\\.0\\.0\\.1:${port} is already in use by \\S+ \\(pid ${process.pid}\\)$`),
    );
    expect(more).toEqual([expect.stringMatching(/^ {2}nothing was started/)]);
    expect(started.stdout).toBe("");
    expect(await scene.list()).toEqual([]);
    expect((await loadedUnits()).filter((unit) => !unit.startsWith("velosd"))).toEqual(before);
    expect(existsSync(`${scene.paths.state}/apps/api.json`)).toBe(false);
    expect(existsSync(`${process.env["XDG_RUNTIME_DIR"]}/systemd/user/velos-api@.service.d`)).toBe(false);
  });

  it("names the app of velos that has it, also by another spelling", async () => {
    const port = await freePort();
    await scene.must("start", webApp(scene), "--name", "api", "--listen", String(port));
    const started = await scene.velos("start", webApp(scene), "--name", "other", "--listen", `127.0.0.1:${port}`);
    expect(started.stderr).toContain(`velos: 127.0.0.1:${port} is already in use by api, an app of velos\n`);
  });

  it("leaves an app that was stopped as it is", async () => {
    const port = await freePort();
    await scene.must("start", webApp(scene), "--name", "api", "--listen", `127.0.0.1:${port}`);
    await scene.must("stop", "api");
    await occupy(port);
    const started = await scene.velos("start", "api");
    expect(started.code).toBe(1);
    expect(started.stderr).toMatch(new RegExp(`${port} is already in use by`));
    expect((await scene.list())[0]).toMatchObject({ running: false, online: 0 });
    await Promise.all(others.splice(0).map(async (server) => new Promise((resolve) => server.close(resolve))));
    await scene.must("start", "api");
    expect((await ask(`http://127.0.0.1:${port}/`)).version).toBe("1");
  });
});

describe("a changed listen", () => {
  it("moves the app to the new address and closes the old", async () => {
    const [from, to] = [await freePort(), await freePort()];
    const app = webApp(scene);
    await scene.must("start", app, "--name", "api", "-i", "2", "--listen", String(from));
    await scene.must("start", app, "--name", "api", "-i", "2", "--listen", String(to));
    expect(await served({ url: `http://127.0.0.1:${to}/` }, 2)).toEqual([0, 1]);
    expect(listener(from)).toBeUndefined();

    // From none, and to none.
    await scene.must("start", app, "--name", "api", "-i", "1", "-e", `PORT=${from}`);
    // Nothing tells when an app is ready that listens by itself.
    await until(
      "it listens",
      async () => (await ask(`http://127.0.0.1:${from}/`).catch(() => undefined))?.version === "1",
    );
    expect(listener(to)).toBeUndefined();
    await scene.must("start", app, "--name", "api", "-i", "2", "--listen", String(from));
    expect(await served({ url: `http://127.0.0.1:${from}/` }, 2)).toEqual([0, 1]);
  });

  it("to an address that somebody has is an error, and no instance of the app is touched", async () => {
    const [from, to] = [await freePort(), await freePort()];
    const app = webApp(scene);
    await scene.must("start", app, "--name", "api", "-i", "2", "--listen", String(from));
    const before = [await scene.pids("api"), listener(from)];
    await occupy(to);
    const moved = await scene.velos("start", app, "--name", "api", "-i", "2", "--listen", String(to));
    expect(moved.code).toBe(1);
    expect(moved.stderr).toMatch(new RegExp(`${to} is already in use by`));
    expect([await scene.pids("api"), listener(from)]).toEqual(before);
    expect(await served({ url: `http://127.0.0.1:${from}/` }, 2)).toEqual([0, 1]);
    expect((await scene.must("describe", "api")).stdout).toMatch(new RegExp(`\\b${from}\\b`));
  });
});
