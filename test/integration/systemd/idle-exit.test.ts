import { setTimeout as delay } from "node:timers/promises";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { randomFrom } from "./random.ts";
import { useScene } from "./scene.ts";
import { property, shownInstances, syncJournal, systemctl } from "./systemctl.ts";
import { until } from "./until.ts";

const scene = useScene();

const configure = (idleExit: string): void => {
  mkdirSync(dirname(scene.paths.config), { recursive: true });
  writeFileSync(scene.paths.config, `idle_exit = "${idleExit}"\n`);
};

beforeEach(() => configure("200ms"));
afterEach(() => rmSync(scene.paths.config, { force: true }));

const serviceState = async (): Promise<string> => property("velosd.service", "ActiveState");

const hasLeft = async (): Promise<void> => {
  await until("velosd has left", async () => (await serviceState()) === "inactive");
};

const mainPid = async (unit: string): Promise<number> => (await shownInstances()).get(unit)!.mainPid;

/** Kills an instance behind velosd's back; resolves when it runs again. */
const kill = async (unit: string): Promise<void> => {
  const pid = await mainPid(unit);
  process.kill(pid, "SIGKILL");
  await until(`${unit} runs again`, async () => {
    const now = (await shownInstances()).get(unit)?.mainPid;
    return now !== undefined && now !== 0 && now !== pid;
  });
};

describe("velosd that nobody needs", () => {
  it("leaves, and only the units stay; the next command finds everything as it was", async () => {
    await scene.must("start", "sleep 1000", "--name", "rest", "-i", "3");
    const before = await scene.pids("rest");
    await kill("velos-rest@1.service");
    const pids = await scene.pids("rest");
    expect(pids.filter((pid) => before.includes(pid))).toHaveLength(2);
    const daemon = await scene.daemonPid();
    await hasLeft();
    expect(() => process.kill(daemon, 0)).toThrow();
    expect(await property("velosd.socket", "ActiveState")).toBe("active");
    expect(await property("velosd.path", "ActiveState")).toBe("active");
    expect([...(await shownInstances()).values()].map((unit) => unit.mainPid).sort()).toEqual([...pids].sort());

    expect((await scene.instances("rest")).map(({ pid, restarts }) => ({ pid, restarts }))).toEqual(
      pids.map((pid, index) => ({ pid, restarts: index === 1 ? 1 : 0 })),
    );
  });

  it("takes a command that comes while it leaves", async () => {
    await scene.must("start", "sleep 1000", "--name", "rest");
    const pids = await scene.pids("rest");
    const random = randomFrom(7);
    for (let round = 0; round < 15; round++) {
      await delay(180 + random() * 120);
      expect(await scene.pids("rest")).toEqual(pids);
    }
  });

  it("stays while somebody is connected, and where an app needs it", async () => {
    await scene.must("start", "sleep 1000", "--name", "rest");
    const client = await scene.connect();
    const { pid } = await client.call("ping", {});
    await delay(1500);
    expect((await client.call("ping", {})).pid).toBe(pid);
    client.close();
    await hasLeft();

    await scene.must("start", "sleep 1000", "--name", "guarded", "--max-memory", "1G");
    const daemon = await scene.daemonPid();
    await delay(1500);
    expect(await scene.daemonPid()).toBe(daemon);
    await scene.must("delete", "guarded");
    await hasLeft();
  });

  it("never leaves with idle_exit = 0, and says what is wrong with another value", async () => {
    configure("0");
    await scene.must("start", "sleep 1000", "--name", "rest");
    const daemon = await scene.daemonPid();
    await delay(1000);
    expect(await scene.daemonPid()).toBe(daemon);
    await scene.must("kill");
    configure("soon");
    expect((await scene.velos("doctor")).stdout).toMatch(/idle_exit is 1m.*\n?.*idle_exit should be a duration/);
  });
});

describe("an instance that ends while velosd is away", () => {
  it("wakes velosd, which counts the end as it was", async () => {
    await scene.must("start", "sleep 1000", "--name", "away", "-i", "2");
    await hasLeft();
    await kill("velos-away@1.service");
    await until("velosd is back", async () => (await serviceState()) === "active");
    await syncJournal();
    const [untouched, killed] = await scene.instances("away");
    expect(untouched).toMatchObject({ status: "online", restarts: 0 });
    expect(killed).toMatchObject({ status: "online", restarts: 1, exit: { signal: "SIGKILL", result: "signal" } });
    await hasLeft();
  });

  it("is given up when it crashes in a loop, with every end counted by its reason", async () => {
    const program = scene.script("once.sh", `[ -e ${scene.path("go")} ] || sleep 1000`, "exit 7");
    const limits = ["--max-restarts", "20", "--min-uptime", "1s", "--restart-delay", "20ms"];
    await scene.must("start", program, "--name", "spiral", ...limits);
    await hasLeft();
    scene.write("go", "");
    process.kill(await mainPid("velos-spiral@0.service"), "SIGKILL");
    await until("it is given up", async () => {
      const state = (await shownInstances()).get("velos-spiral@0.service");
      return (state === undefined || state.mainPid === 0) && (await scene.instances("spiral"))[0]?.status === "errored";
    });
    const [spiral] = await scene.instances("spiral");
    expect(spiral).toMatchObject({ status: "errored", hold: { why: "gave-up" } });
    expect(spiral!.restarts).toBeGreaterThanOrEqual(20);
    const { stdout } = await scene.must("metrics", "--once");
    const exits = (reason: string): number =>
      Number(
        new RegExp(`^velos_process_exits_total{name="spiral",instance="0",reason="${reason}"} (\\d+)$`, "m").exec(
          stdout,
        )?.[1],
      );
    // The first was killed, all others ended with 7; the last one may have been cut off by giving up.
    expect(exits("signal")).toBe(1);
    expect(exits("error")).toBeGreaterThanOrEqual(19);
    expect(exits("success") + exits("oom") + exits("timeout")).toBe(0);
    expect((await scene.must("describe", "spiral")).stdout).toMatch(/exit code 7.*gave up/);
  });

  it("is never missed, whenever it ends", async () => {
    configure("50ms");
    await scene.must("start", "sleep 1000", "--name", "often", "--max-restarts", "1000");
    const random = randomFrom(11);
    for (let count = 1; count <= 25; count++) {
      await delay(random() * 400);
      await kill("velos-often@0.service");
    }
    await syncJournal();
    expect(await scene.instances("often")).toMatchObject([{ status: "online", restarts: 25 }]);
    const { stdout } = await scene.must("metrics", "--once");
    const exits = [...stdout.matchAll(/^velos_process_exits_total\{name="often",instance="0",.*\} (\d+)$/gm)];
    // A journal that is far behind the manager leaves one or the other untold, and it counts as an error.
    expect(exits.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(25);
  });

  it("is stopped for good when an operator did it", async () => {
    await scene.must("start", "sleep 1000", "--name", "held", "-i", "2");
    await hasLeft();
    await systemctl("stop", "velos-held@0.service");
    await until("velosd is back", async () => (await serviceState()) === "active");
    expect(await scene.instances("held")).toMatchObject([{ status: "stopped" }, { status: "online" }]);
  });
});
