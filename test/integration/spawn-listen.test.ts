import { existsSync, statSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTimeOf } from "../../src/backend/spawn/process-table.ts";
import { freePort } from "../backend/free-port.ts";
import { readLoadTable } from "../load/load-table.ts";
import type { Load, LoadReport } from "../load/load.mjs";
import { startLoad } from "../load/load.mjs";
import { SpawnHome } from "./spawn-home.ts";
import { residentMegabytes } from "./systemd/environ.ts";
import { report } from "./systemd/report.ts";
import { until } from "./systemd/until.ts";

// Short versions of what must hold for hours: a web server that knows nothing of velos and has no
// signal handler, behind a socket that velos shares among its instances, and clients that forgive nothing.

const SERVER = `
  import { createServer } from "node:http";
  const answer = JSON.stringify({ index: process.env.VELOS_INSTANCE_ID, pid: process.pid });
  createServer((_, response) => setTimeout(() => response.end(answer), 2)).listen(process.env.PORT);
`;

let home: SpawnHome;
let port = 0;
const loads: Load[] = [];

beforeEach(async () => {
  home = new SpawnHome();
  port = await freePort();
});
afterEach(async () => {
  await Promise.all(loads.splice(0).map((load) => load.stop()));
  await home.close();
});

const start = async (instances: number, ...more: string[]): Promise<void> => {
  const script = home.write("server.mjs", SERVER);
  await home.must("start", script, "--name", "api", "-i", String(instances), "--listen", String(port), ...more);
};

/** Clients that keep their connections, and clients that do not. */
const clients = (): { finish: () => Promise<LoadReport[]> } => {
  const url = `http://127.0.0.1:${port}/`;
  const both = [true, false].map((keepAlive) => startLoad({ url, clients: 8, keepAlive }));
  loads.push(...both);
  return { finish: () => Promise.all(both.map((load) => load.stop())) };
};

/** Every request was answered. */
const expectAllServed = (what: string, reports: readonly LoadReport[]): void => {
  const parts = reports.map(({ requests, latencyMs: { p99, max } }) => `${requests} (p99 ${p99} ms, max ${max} ms)`);
  report(`${what}: ${parts.join(" and ")}`);
  for (const { requests, failed, hung, errors } of reports) {
    expect({ failed, hung, errors }).toEqual({ failed: 0, hung: 0, errors: {} });
    expect(requests).toBeGreaterThan(100);
  }
};

test("connections that clients keep are kept even over the instances, also over those that come later", async () => {
  await start(2);
  const table = join(home.path, "load", "api");
  const load = startLoad({ url: `http://127.0.0.1:${port}/`, clients: 12 });
  loads.push(load);
  await until("both have six", () => String(readLoadTable(table)) === "6,6");
  await home.must("scale", "api", "3");
  await until("all have four", () => String(readLoadTable(table)) === "4,4,4");
  expect(await load.stop()).toMatchObject({ failed: 0, hung: 0 });
  await home.must("delete", "api");
  expect(existsSync(table)).toBe(false);
});

describe("under load not one request is lost", () => {
  test("by ten reloads of four instances", async () => {
    await start(4);
    const { finish } = clients();
    for (let round = 0; round < 10; round++) {
      const before = await home.pids("api");
      await home.must("reload", "api");
      const after = await home.pids("api");
      expect(after.filter((pid) => before.includes(pid))).toEqual([]);
    }
    expectAllServed("10 reloads × 4 instances, keep-alive and not", await finish());
  });

  test("by scaling from 4 to 8 to 2", async () => {
    await start(4);
    const { finish } = clients();
    await home.must("scale", "api", "8");
    await home.must("scale", "api", "2");
    expectAllServed("scale 4 → 8 → 2", await finish());
    expect((await home.app("api")).online).toBe(2);
  });

  test("by a reload of an only instance", async () => {
    await start(1);
    const { finish } = clients();
    for (let round = 0; round < 3; round++) await home.must("reload", "api");
    expectAllServed("3 reloads × 1 instance", await finish());
  });

  test("by velosd's death in the middle of a reload, which its successor finishes", async () => {
    await start(4);
    const before = await home.pids("api");
    const { finish } = clients();
    const velosd = await home.daemonPid();
    const keeper = home.keeperPid();
    const reload = home.velos("reload", "api");
    await until("one instance is replaced", async () => (await home.pids("api")).some((pid) => !before.includes(pid)));
    process.kill(velosd, "SIGKILL");
    expect((await reload).code).not.toBe(0);
    await until("every instance is replaced", async () => {
      const { online, processes } = await home.app("api");
      return online === 4 && processes.every(({ pid }) => !before.includes(pid));
    });
    expect(await home.daemonPid()).not.toBe(velosd);
    expect(home.keeperPid()).toBe(keeper);
    await home.must("reload", "api");
    expectAllServed("kill -9 of velosd during a reload", await finish());
  });
});

describe("the keeper of the sockets", () => {
  test("is one small process for all apps, and there only while one of them has sockets", async () => {
    const [other, path] = [await freePort(), join(home.path, "web.sock")];
    const script = home.write("server.mjs", SERVER);
    await home.must("start", script, "--name", "idle");
    expect(home.keeperPid()).toBeUndefined();
    await start(1);
    const keeper = home.keeperPid()!;
    await home.must(
      "start",
      script,
      "--name",
      "web",
      "--listen",
      `127.0.0.1:${other}`,
      "--listen",
      `${path},mode=0600`,
    );
    expect(home.keeperPid()).toBe(keeper);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(home.path, "keeper")).mode & 0o777).toBe(0o700);
    expect(statSync(join(home.path, "keeper", "s")).mode & 0o777).toBe(0o600);
    report(`keeper: ${residentMegabytes(keeper).toFixed(1)} MB resident`);
    expect(residentMegabytes(keeper)).toBeLessThan(55);
    await home.must("stop", "api");
    expect(home.keeperPid()).toBe(keeper);
    await home.must("stop", "web");
    expect(existsSync(path)).toBe(false);
    await until("the keeper has ended", () => home.keeperPid() === undefined);
    await home.must("start", "api");
    expect(home.keeperPid()).toBeGreaterThan(0);
  });

  test("an address of another app is told by that app's name", async () => {
    await start(1);
    const second = await home.velos(
      "start",
      home.write("b.mjs", SERVER),
      "--name",
      "b",
      "--listen",
      `127.0.0.1:${port}`,
    );
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`127.0.0.1:${port} is already in use by api, an app of velos`);
  });

  test("remembers how an instance ended while no velosd was there", async () => {
    const script = home.write("exits.mjs", `${SERVER}; process.on("SIGHUP", () => process.exit(42));`);
    await home.must("start", script, "--name", "api", "--listen", String(port), "--no-autorestart");
    const [pid] = await home.pids("api");
    process.kill(await home.daemonPid(), "SIGKILL");
    process.kill(pid!, "SIGHUP");
    await until("it has ended", () => startTimeOf(pid!) === undefined);
    const { processes } = await home.app("api");
    expect(processes).toMatchObject([{ exit: { code: 42 } }]);
  });

  test("its death harms nothing that runs; sockets are opened anew once nobody holds them", async () => {
    await start(2);
    const before = await home.pids("api");
    const { finish } = clients();
    process.kill(home.keeperPid()!, "SIGKILL");
    await until("velosd has said so", () => home.log.includes("the keeper of the listening sockets of api was ended"));
    expect(await home.pids("api")).toEqual(before);
    const scaled = await home.velos("scale", "api", "3");
    expect(scaled.code).toBe(1);
    expect(scaled.stderr).toContain(`${port} is held by instances from before the keeper of its sockets was ended`);
    expect((await home.pids("api")).slice(0, 2)).toEqual(before);
    expectAllServed("kill -9 of the keeper", await finish());
    await home.must("stop", "api");
    await home.must("start", "api");
    expect((await home.app("api")).online).toBe(3);
    const served = await fetch(`http://127.0.0.1:${port}/`);
    expect(served.status).toBe(200);
  });

  test("a changed listen moves the app, and only a free address will do", async () => {
    await start(2);
    const other = await freePort();
    const script = join(home.path, "server.mjs");
    await home.must("start", script, "--name", "api", "-i", "2", "--listen", String(other));
    expect((await fetch(`http://127.0.0.1:${other}/`)).status).toBe(200);
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });

  test("a changed listen whose address is taken touches nothing, and names who has it", async () => {
    await start(2);
    const before = await home.pids("api");
    const script = join(home.path, "server.mjs");
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port: foreign } = taken.address() as AddressInfo;
    try {
      for (const address of [String(foreign), `127.0.0.1:${foreign}`]) {
        const moved = await home.velos("start", script, "--name", "api", "--listen", address);
        expect([moved.code, moved.stderr]).toEqual([
          1,
          expect.stringMatching(new RegExp(`${address} is already in use by \\S+ \\(pid ${process.pid}\\)`)),
        ]);
      }
    } finally {
      taken.close();
    }
    const nowhere = await home.velos("start", script, "--name", "api", "--listen", `192.0.2.1:${port}`);
    expect(nowhere.stderr).toContain(`could not listen on 192.0.2.1:${port}: this machine has no such address`);
    const other = await freePort();
    await home.must("start", script, "--name", "web", "--listen", `127.0.0.1:${other}`);
    const web = await home.velos("start", script, "--name", "api", "--listen", String(other));
    expect(web.stderr).toContain(`${other} is already in use by web, an app of velos`);
    expect(await home.pids("api")).toEqual(before);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  });

  test("an app that has the port itself, by another address or without velos, may move to it", async () => {
    await start(1);
    const script = join(home.path, "server.mjs");
    const moved = await home.must("start", script, "--name", "api", "--listen", `127.0.0.1:${port}`);
    expect(moved.stdout).toContain(`api: moved to 127.0.0.1:${port} (down for a moment)`);
    const again = await home.must("start", script, "--name", "api", "--listen", `0.0.0.0:${port}`);
    expect(again.stdout).toContain("api: moved to");
    const own = await freePort();
    home.write("forks.mjs", `import { fork } from "node:child_process"; fork("${script}");`);
    await home.must("start", join(home.path, "forks.mjs"), "--name", "own", "--env", `PORT=${own}`);
    await until("it listens", () =>
      fetch(`http://127.0.0.1:${own}/`).then(
        () => true,
        () => false,
      ),
    );
    await home.must("start", script, "--name", "own", "--env", `PORT=${own}`, "--listen", `127.0.0.1:${own}`);
    expect((await fetch(`http://127.0.0.1:${own}/`)).status).toBe(200);
  });
});
