import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hasEnvironment, readAllProcesses } from "../../src/backend/spawn/process-table.ts";
import { freePort } from "../backend/free-port.ts";
import { isRunning } from "../backend/harness.ts";
import { FakeLaunchd } from "./launchd-harness.ts";
import { SpawnHome } from "./spawn-home.ts";

// The built CLI and velosd on the launchd backend, with a mock of launchd.

let launchd: FakeLaunchd;
let home: SpawnHome;
beforeEach(async () => {
  launchd = await FakeLaunchd.start();
  home = new SpawnHome();
  Object.assign(home.env, launchd.env, { VELOS_BACKEND: "launchd" });
});
afterEach(async () => {
  try {
    await home.close();
  } finally {
    await launchd.stop();
  }
});

const online = async (count: number): Promise<number[]> => {
  let pids: (number | undefined)[] = [];
  await expect
    .poll(
      async () => {
        const { processes } = await home.app("api");
        pids = processes.map(({ pid }) => pid);
        return processes.map(({ status }) => status);
      },
      { timeout: 20_000 },
    )
    .toEqual(Array<string>(count).fill("online"));
  return pids as number[];
};

test("an app's life: start, crash, restart, scale, reload, logs, stop; velosd is killed and finds everything again", async () => {
  await home.must(
    "start",
    "--name",
    "api",
    "-i",
    "3",
    "--",
    "sh",
    "-c",
    'echo "I am $VELOS_INSTANCE_ID"; exec sleep 1000',
  );
  const first = await online(3);
  expect(JSON.parse((await home.must("ping", "--json")).stdout)).toMatchObject({ backend: "launchd" });
  expect((await home.must("describe", "api:1")).stdout).toContain("velos.api.1");
  expect((await home.must("logs", "api", "--json")).stdout).toContain("I am 2");

  process.kill(first[1]!, "SIGKILL");
  await expect.poll(async () => (await home.app("api")).processes[1]?.restarts, { timeout: 20_000 }).toBe(1);
  const second = await online(3);
  expect([second[0], second[2]]).toEqual([first[0], first[2]]);
  expect(second[1]).not.toBe(first[1]);

  // launchd starts velosd again.
  const before = await home.daemonPid();
  process.kill(before, "SIGKILL");
  await expect.poll(async () => home.daemonPid(), { timeout: 20_000 }).not.toBe(before);
  expect(await online(3)).toEqual(second);

  await home.must("restart", "api");
  const third = await online(3);
  expect(third.filter((pid) => second.includes(pid))).toEqual([]);
  await home.must("scale", "api", "2");
  expect(await online(2)).toEqual(third.slice(0, 2));
  await home.must("reload", "api");
  expect((await online(2)).filter((pid) => third.includes(pid))).toEqual([]);
  const last = await online(2);
  await home.must("stop", "api");
  for (const pid of last) expect(await isRunning(pid)).toBe(false);
  await home.must("delete", "api");
  const jobs = await Promise.all(
    first.map(async (_, index) => launchd.launchctl("print", `gui/${launchd.uid}/velos.api.${index}`)),
  );
  expect(jobs.map(({ code }) => code)).toEqual([113, 113, 113]);
});

test("what runs goes on while velosd is away, and what ended meanwhile is known with its exit code", async () => {
  await home.must(
    "start",
    "--name",
    "api",
    "--no-autorestart",
    "--",
    "sh",
    "-c",
    "trap 'exit 7' USR1; while :; do sleep 0.05; done",
  );
  const [pid] = await online(1);
  await home.must("kill");
  expect(await isRunning(pid!)).toBe(true);
  process.kill(pid!, "SIGUSR1");
  await expect.poll(() => isRunning(pid!), { timeout: 10_000 }).toBe(false);
  const { processes } = await home.app("api");
  expect(processes[0]).toMatchObject({ status: "errored", exit: { code: 7 } });
});

test("a server that listens is shared by instances, whichever of them is replaced", async () => {
  const port = await freePort();
  writeFileSync(
    join(home.path, "server.cjs"),
    `require("node:http").createServer((_, r) => r.end(String(process.pid))).listen(${port})`,
  );
  await home.must("start", "server.cjs", "--name", "api", "-i", "2", "--listen", String(port));
  const before = await online(2);
  const ask = async () =>
    Number(await (await fetch(`http://127.0.0.1:${port}`, { headers: { connection: "close" } })).text());
  expect(before).toContain(await ask());
  await home.must("reload", "api");
  const after = await online(2);
  expect(after.filter((pid) => before.includes(pid))).toEqual([]);
  expect(after).toContain(await ask());
});

test("velosd killed while it restarts: every process is owned, none twice", async () => {
  const name = `killed-${process.pid}`;
  const leaders = (): number[] =>
    readAllProcesses()
      .filter(({ pid, session, state }) => pid === session && state !== "Z" && hasEnvironment(pid, "VELOS_APP", name))
      .map(({ pid }) => pid)
      .sort();
  await home.must("start", "--name", name, "-i", "3", "--", "sleep", "1000");
  const before = leaders();
  for (let round = 0; round < 6; round++) {
    const daemon = await home.daemonPid();
    const restarted = home.velos("restart", name);
    // From before the first to after the last of what a restart does.
    await new Promise((resolve) => setTimeout(resolve, 60 + round * 120));
    process.kill(daemon, "SIGKILL");
    await restarted;
    await expect
      .poll(
        async () => {
          const { processes } = await home.app(name);
          const isSettled = processes.length === 3 && processes.every(({ status }) => status === "online");
          return isSettled && processes.map(({ pid }) => pid).sort();
        },
        { timeout: 20_000 },
      )
      .toSatisfy((pids) => isDeepStrictEqual(pids, leaders()));
  }
  expect(leaders().filter((pid) => before.includes(pid))).toEqual([]);
});

test("without launchctl it is said what is missing", async () => {
  home.env["PATH"] = "/nonexistent";
  const outcome = await home.velos("list");
  expect(outcome.code).toBe(4);
  expect(outcome.stderr).toContain("launchctl cannot be run");
  expect(outcome.stderr).toContain("choose --backend systemd or spawn");
  home.env["PATH"] = launchd.env.PATH;
});

test("a velosd that cannot serve says why, and launchd does not go on starting it", async () => {
  writeFileSync(join(home.path, "apps"), "no directory");
  const outcome = await home.velos("list");
  expect(outcome.code).not.toBe(0);
  expect(outcome.stderr).toContain("apps");
  await expect
    .poll(async () => (await launchd.launchctl("print", `gui/${launchd.uid}/velosd`)).code, { timeout: 5000 })
    .toBe(113);
});
