import { describe, expect, it } from "vitest";
import { useScene } from "./scene.ts";
import { until } from "./until.ts";
import { mostOut, pauses, story, workerApp } from "./worker-app.ts";

const scene = useScene();

/** Writes velos.toml for the worker. */
const configure = (instances: number, settings: string): void => {
  workerApp(scene);
  scene.write("velos.toml", `[apps.api]\nscript = "worker.mjs"\ninstances = ${instances}\n${settings}`);
};

/** Starts the worker, and returns what happens in a reload. */
const reloaded = async (instances: number, settings: string): Promise<ReturnType<typeof story>> => {
  configure(instances, settings);
  await scene.must("start", "--config", "velos.toml");
  await until("all are up", () => story(scene).length === instances);
  await scene.must("reload", "api");
  await until("all are up again", () => story(scene).length === 3 * instances);
  return story(scene).slice(instances);
};

const ready = "wait_ready = true\n";

describe("how many are out at a time", () => {
  it.each([
    ["one, unless told otherwise", "", 1],
    ["a number", "[apps.api.rollout]\nmax_unavailable = 2\n", 2],
    ["a percentage, rounded down", '[apps.api.rollout]\nmax_unavailable = "70%"\n', 2],
    ["a percentage that comes to none is one", '[apps.api.rollout]\nmax_unavailable = "10%"\n', 1],
  ])("%s", async (_, settings, most) => {
    const moments = await reloaded(4, ready + settings);
    expect(mostOut(moments)).toBe(most);
    // The highest index goes first.
    expect(
      moments
        .filter(({ what }) => what === "down")
        .map(({ index }) => index)
        .sort(),
    ).toEqual([0, 1, 2, 3]);
    expect(moments[0]!.index).toBeGreaterThanOrEqual(4 - most);
  });

  it("none with surge: the extra one is there first, and gone in the end", async () => {
    configure(2, `${ready}[apps.api.rollout]\nsurge = 1\n`);
    await scene.must("start", "--config", "velos.toml");
    await scene.must("reload", "api");
    const moments = story(scene).slice(2);
    expect(moments[0]).toMatchObject({ what: "up", index: 2 });
    expect(moments.at(-1)).toMatchObject({ what: "down", index: 2 });
    const serving = new Set([0, 1]);
    for (const { what, index } of moments) {
      if (what === "up") serving.add(index);
      else serving.delete(index);
      expect(serving.size).toBeGreaterThanOrEqual(2);
    }
    expect((await scene.instances("api")).map(({ index, status }) => [index, status])).toEqual([
      [0, "online"],
      [1, "online"],
    ]);
  });
});

describe("the pause between two instances", () => {
  /** The gap is seen from the instance's own "up", a moment before velosd hears of it or a moment after. */
  const SLACK_MS = 100;

  it("is kill_timeout + 2 s where nothing tells that an instance works", async () => {
    // It counts from the end of min_uptime, which is longer than the worker takes to boot.
    const gaps = pauses(await reloaded(2, 'kill_timeout = "300ms"\nmin_uptime = "1s"\n'));
    expect(gaps).toHaveLength(1);
    expect(gaps[0]).toBeGreaterThanOrEqual(2300 - SLACK_MS);
  });

  it("is as configured", async () => {
    const gaps = pauses(await reloaded(2, `${ready}[apps.api.rollout]\npause = "700ms"\n`));
    expect(gaps[0]).toBeGreaterThanOrEqual(700 - SLACK_MS);
    expect(gaps[0]).toBeLessThan(2300);
  });

  it("is none with a readiness signal", async () => {
    const gaps = pauses(await reloaded(3, ready));
    expect(gaps).toHaveLength(2);
    for (const gap of gaps) expect(gap).toBeLessThan(2000);
  });

  it("begins when the instance has been ready for min_ready", async () => {
    const gaps = pauses(await reloaded(2, `${ready}[apps.api.rollout]\nmin_ready = "800ms"\npause = "400ms"\n`));
    expect(gaps[0]).toBeGreaterThanOrEqual(1200 - SLACK_MS);
  });
});

describe("velos rollout", () => {
  it("shows, holds, resumes and undoes one", async () => {
    const version = (number: number, pause: string): void =>
      configure(3, `env = { VERSION = "${number}" }\n${ready}[apps.api.rollout]\npause = "${pause}"\n`);
    version(1, "0");
    await scene.must("start", "--config", "velos.toml");
    expect((await scene.must("rollout", "status", "api")).stdout).toMatch(/api has had no rollout/);
    const [first] = await scene.list("api");
    const before = await scene.pids("api");

    // The first instance is replaced, then the pause lasts.
    version(2, "1h");
    const update = scene.velos("start", "--config", "velos.toml");
    update.catch(() => {});
    const velosd = await until("velosd answers", async () => scene.connect().catch(() => undefined));
    const now = async () => (await velosd.call("list", {})).apps[0]!;
    await until("api:2 is on the new version", async () => {
      const { status, spec } = (await now()).processes[2]!;
      return status === "online" && spec !== first!.spec;
    });
    const running = await scene.must("rollout", "status", "api");
    expect(running.stdout).toMatch(/update of api: running, 1 of 3 replaced/);
    expect((await scene.pids("api")).slice(0, 2)).toEqual(before.slice(0, 2));

    expect((await scene.must("rollout", "pause", "api")).stdout).toMatch(/update of api: paused, 1 of 3 replaced/);
    const held = await update;
    expect(held.code, held.stdout + held.stderr).toBe(0);
    const twice = await scene.velos("rollout", "pause", "api");
    expect(twice.code).toBe(1);
    expect(twice.stderr).toMatch(/api has no rollout that runs/);

    // The pause is a setting that can change in place: the rest goes at once.
    version(2, "0");
    await scene.must("rollout", "resume", "api");
    await scene.must("start", "--config", "velos.toml");
    await scene.must("rollout", "status", "api", "--watch");
    expect((await scene.must("rollout", "status", "api")).stdout).toMatch(/update of api: done, 3 of 3 replaced/);
    for (const pid of before) expect(await scene.pids("api")).not.toContain(pid);
    expect((await scene.velos("rollout", "resume", "api")).code).toBe(1);

    await scene.must("rollout", "undo", "api");
    const undone = await scene.must("rollout", "status", "api", "--json");
    expect(JSON.parse(undone.stdout)).toMatchObject({ app: { spec: first!.spec }, rollout: { status: "done" } });
    expect((await now()).processes.map(({ status, spec }) => [status, spec])).toEqual(
      Array(3).fill(["online", first!.spec]),
    );
  });

  it("says so where there is none", async () => {
    await scene.must("start", "sleep 1000", "--name", "api");
    const undone = await scene.velos("rollout", "undo", "api");
    expect(undone.code).toBe(1);
    expect(undone.stderr).toMatch(/never changed/);
    expect((await scene.velos("rollout", "status", "nobody")).code).toBe(3);
    expect((await scene.velos("rollout", "dance", "api")).code).toBe(2);
  });
});
