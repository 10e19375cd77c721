import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../backend/free-port.ts";
import { until } from "../integration/systemd/until.ts";
import type { Load } from "../load/load.mjs";
import { startLoad } from "../load/load.mjs";
import type { Outcome } from "./velos.ts";
import { must, rows, run } from "./velos.ts";

// What becomes of a system, and of the apps that serve on it, when the Debian package is installed, upgraded, removed and
// purged. The package of before is a build of the same sources under an older version.
const OLD = "0.0.9";
const { version } = JSON.parse(await readFile("/src/package.json", "utf8")) as { version: string };

/** The installed command. */
const velos = async (...args: string[]): Promise<Outcome> => run("/usr/bin/velos", ...args);

const work = "/tmp/packages";
let [oldDeb, newDeb] = ["", ""];
let port: number;

/** Answers with its pid, and at /thread with what a thread says that is started for it. */
const app = `
  const { createServer } = require("node:http");
  const { Worker } = require("node:worker_threads");
  createServer((request, response) => {
    if (request.url !== "/thread") return response.end(String(process.pid));
    new Worker('require("node:worker_threads").parentPort.postMessage("thread")', { eval: true })
      .on("message", (text) => response.end(text))
      .on("error", (error) => response.writeHead(500).end(error.message));
  }).listen(${"PORT"});
`;

/** The pids of the instances as systemd has them: velos may not be there. */
const pids = async (name: string, count: number): Promise<string[]> =>
  Promise.all(
    Array.from({ length: count }, (_, index) => must("systemctl", "show", "-P", "MainPID", `velos-${name}@${index}`)),
  );

/** Clients that keep their connections, and clients that do not. */
const startClients = (): Load[] =>
  [true, false].map((keepAlive) =>
    startLoad({ url: `http://127.0.0.1:${port}/`, clients: 16, keepAlive, timeoutMs: 10_000 }),
  );

/** Waits until each kind of client has had a number of answers more: what was done is then behind them. */
const someMore = async (loads: readonly Load[], answers = 500): Promise<void> => {
  const goals = loads.map(({ counts }) => counts.ok + answers);
  await until("clients are answered", () => loads.every(({ counts }, index) => counts.ok >= goals[index]!));
};

/** Ends the clients; every request of theirs must have been answered. */
const expectNoneFailed = async (loads: readonly Load[], what: string): Promise<void> => {
  const reports = await Promise.all(loads.map((load) => load.stop()));
  const total = reports.reduce((sum, { requests }) => sum + requests, 0);
  console.log(`${what}: ${total} requests, ${reports.reduce((sum, one) => sum + one.failed + one.hung, 0)} failed`);
  for (const { failed, hung, errors } of reports)
    expect({ failed, hung, errors }).toEqual({ failed: 0, hung: 0, errors: {} });
};

/** Runs dpkg, which must succeed without a complaint of a script. */
const dpkg = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await run("dpkg", ...args);
  expect({ code, stdout, stderr }).toMatchObject({
    code: 0,
    stderr: expect.not.stringMatching(/fail|error|warn|not /i),
  });
  return stdout;
};

const versionOfVelosd = async (): Promise<string | undefined> => {
  const { stdout } = await velos("ping", "--json");
  return (JSON.parse(stdout) as { version?: string }).version;
};

const exists = async (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** A package with nothing in it but the name under which velos depends on Node, which the container has from outside. */
const nodePackage = async (): Promise<string> => {
  const tree = `${work}/nodejs`;
  await mkdir(`${tree}/DEBIAN`, { recursive: true });
  await mkdir(`${tree}/usr/bin`, { recursive: true });
  await must("ln", "-sf", process.execPath, `${tree}/usr/bin/node`);
  const control = `Package: nodejs\nVersion: ${process.versions.node}\nArchitecture: all\nMaintainer: test <test@example.org>\nDescription: test\n`;
  await writeFile(`${tree}/DEBIAN/control`, control);
  await must("dpkg-deb", "--root-owner-group", "--build", tree, `${work}/nodejs.deb`);
  return `${work}/nodejs.deb`;
};

beforeAll(async () => {
  await mkdir(work, { recursive: true });
  // The image's, which keeps packages from starting anything while it is built.
  await rm("/usr/sbin/policy-rc.d", { force: true });
  await must("env", "-C", "/src", `VELOS_VERSION=${OLD}`, process.execPath, "esbuild.config.mjs", `${work}/old`);
  oldDeb = await must("/src/packaging/deb/build", "--dist", `${work}/old`, "--out", work);
  newDeb = await must("/src/packaging/deb/build", "--out", work);
  await must("dpkg", "--install", await nodePackage());
  port = await freePort();
  await writeFile(`${work}/app.cjs`, app.replace("PORT", String(port)));
}, 120_000);

afterAll(async () => {
  await run("dpkg", "--purge", "velos", "nodejs");
  await run("systemctl", "stop", "velos-*.service", "velos-*.socket");
  await run("systemctl", "reset-failed");
  await run("groupdel", "velos");
  for (const path of [work, "/run/velos", "/run/velos-preload"]) await rm(path, { recursive: true, force: true });
});

// One story, in the order in which an operator lives through it.
describe("the Debian package", () => {
  it("takes over from a velosd that another installation has started, and no app notices", async () => {
    const other = (...args: string[]): Promise<Outcome> => run(process.execPath, `${work}/old/velos.cjs`, ...args);
    expect(await other("start", `${work}/app.cjs`, "--name", "web", "-i", "4", "--listen", String(port))).toMatchObject(
      {
        code: 0,
        stderr: "",
      },
    );
    expect(await must("systemctl", "show", "-P", "Transient", "velosd.service")).toBe("yes");
    const before = await pids("web", 4);
    const loads = startClients();
    await someMore(loads);
    await dpkg("--install", oldDeb);
    expect(await must("systemctl", "show", "-P", "Transient", "velosd.service")).toBe("no");
    expect(await must("systemctl", "show", "-P", "FragmentPath", "velosd.socket")).toMatch(/\/lib\/systemd\/system\//);
    expect(await versionOfVelosd()).toBe(OLD);
    expect((await rows(velos)).map(({ pid }) => String(pid))).toEqual(before);
    await someMore(loads);
    await expectNoneFailed(loads, "installed");
  });

  it("has velosd started at boot and woken by its socket, for root and the group velos", async () => {
    expect(await must("systemctl", "is-enabled", "velosd.socket", "velosd.service")).toBe("enabled\nenabled");
    // velosd answers a moment before it tells the service manager that it is ready.
    await until(
      "velosd serves",
      async () =>
        (await run("systemctl", "is-active", "velosd.socket", "velosd.service")).stdout === "active\nactive\n",
    );
    const group = Number((await must("getent", "group", "velos")).split(":")[2]);
    for (const [path, mode] of [
      ["/run/velos", 0o750],
      ["/run/velos/velosd.sock", 0o660],
    ] as const) {
      const found = await stat(path);
      expect({ path, uid: found.uid, gid: found.gid, mode: found.mode & 0o777 }).toEqual({
        path,
        uid: 0,
        gid: group,
        mode,
      });
    }
    const asMember = await run(
      "setpriv",
      "--reuid=tester",
      "--regid=velos",
      "--clear-groups",
      "/usr/bin/velos",
      "--system",
      "list",
    );
    expect(asMember).toMatchObject({ code: 0, stderr: "" });
    await must("systemctl", "stop", "velosd.service");
    expect(await versionOfVelosd()).toBe(OLD);
  });

  it("is upgraded under load without a lost request, and commands go on meanwhile", async () => {
    const before = await pids("web", 4);
    const loads = startClients();
    await someMore(loads);
    let upgraded = false;
    const commands: Outcome[] = [];
    const keepAsking = Promise.all(
      [1, 2].map(async () => {
        while (!upgraded) commands.push(await velos("list"));
      }),
    );
    try {
      await dpkg("--install", newDeb);
    } finally {
      upgraded = true;
      await keepAsking;
    }
    expect(await versionOfVelosd()).toBe(version);
    console.log(`commands meanwhile: ${commands.length}`);
    expect(commands.filter(({ code }) => code !== 0)).toEqual([]);
    expect(await pids("web", 4)).toEqual(before);
    await someMore(loads);
    // And what the new one does with the instances of the old one.
    expect(await velos("reload", "web")).toMatchObject({ code: 0 });
    expect(await pids("web", 4)).not.toEqual(before);
    await someMore(loads);
    await expectNoneFailed(loads, "upgraded and reloaded");
  });

  it("keeps what an operator has disabled disabled", async () => {
    // Together with its socket.
    await must("systemctl", "disable", "velosd.service");
    await must("dpkg", "--install", newDeb);
    for (const unit of ["velosd.service", "velosd.socket"])
      expect((await run("systemctl", "is-enabled", unit)).stdout).toBe("disabled\n");
    await must("systemctl", "enable", "velosd.service");
  });

  it("is removed under load, and the apps go on: they serve, start threads, and are restarted when they crash", async () => {
    const before = await pids("web", 4);
    const loads = startClients();
    await someMore(loads);
    expect(await dpkg("--remove", "velos")).toContain("velos: 4 instances of apps go on running until the next boot");
    await someMore(loads);
    await expectNoneFailed(loads, "removed");
    expect(await pids("web", 4)).toEqual(before);
    for (const path of ["/usr/bin/velos", "/usr/lib/velos", "/run/velos/velosd.sock"])
      expect(await exists(path)).toBe(false);
    expect((await run("systemctl", "is-active", "velosd.socket", "velosd.service")).stdout).toBe(
      "inactive\ninactive\n",
    );

    expect(await (await fetch(`http://127.0.0.1:${port}/thread`)).text()).toBe("thread");
    await must("kill", "-KILL", before[0]!);
    await until("the crashed instance is back", async () => {
      const [pid] = await pids("web", 1);
      return pid !== "0" && pid !== before[0];
    });
    await must("systemctl", "stop", "velos-web@1", "velos-web@2", "velos-web@3");
    // The only one that is left: it found its preload, and by that the socket.
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe((await pids("web", 1))[0]);
  });

  it("finds the apps again when it is installed again", async () => {
    const [pid] = await pids("web", 1);
    await dpkg("--install", newDeb);
    const list = await rows(velos);
    expect(list.map(({ name }) => name)).toEqual(["web:0", "web:1", "web:2", "web:3"]);
    expect(String(list[0]!.pid)).toBe(pid);
    expect(await velos("start", "web")).toMatchObject({ code: 0 });
    expect((await rows(velos)).map(({ status }) => status)).toEqual(["online", "online", "online", "online"]);
  });

  it("leaves nothing of its own when it is purged, and still no app notices", async () => {
    // Also when velosd has left, and the service manager watches for what is to wake it.
    await mkdir("/etc/velos", { recursive: true });
    await writeFile("/etc/velos/velos.toml", 'idle_exit = "1s"\n');
    await velos("kill");
    await velos("list");
    // Not its exit status: that says the same of one that is still being started.
    await until(
      "velosd has left",
      async () => (await run("systemctl", "is-active", "velosd.service")).stdout === "inactive\n",
    );
    expect(await must("systemctl", "is-active", "velosd.path")).toBe("active");
    const before = await pids("web", 4);
    const loads = startClients();
    await someMore(loads);
    await dpkg("--purge", "velos");
    await someMore(loads);
    await expectNoneFailed(loads, "purged");
    expect(await pids("web", 4)).toEqual(before);
    for (const path of ["/var/lib/velos", "/etc/velos", "/var/cache/velos"])
      expect(await exists(path), path).toBe(false);
    expect(await must("sh", "-c", "find /etc/systemd /var/lib/systemd/deb-systemd-helper* -name '*velosd*'")).toBe("");
    expect(await must("systemctl", "list-units", "--all", "--plain", "--no-legend", "velosd*")).toBe("");
  });
});
