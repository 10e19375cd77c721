import { describe, expect, it } from "vitest";
import { useScene } from "./scene.ts";
import { shownInstances } from "./systemctl.ts";
import { until } from "./until.ts";

const scene = useScene();

/** Notes the time of each run in milliseconds, and ends with the code. */
const ending = (code: number): string =>
  scene.script("ending.sh", `date +%s%3N >> ${scene.path("runs")}`, `exit ${code}`);
const runs = (): number[] => scene.lines("runs").map(Number);

const ended = async (status: string): Promise<void> => {
  const velosd = await scene.connect();
  let last: unknown;
  await until(`loop:0 is ${status}`, async () => {
    const [loop] = (await velosd.call("list", {})).apps[0]!.processes;
    last = loop;
    return loop!.status === status;
  }).catch((error: unknown) => {
    throw new Error(`after ${runs().length} runs it is ${JSON.stringify(last)}`, { cause: error });
  });
};

describe("a program that ends by itself", () => {
  it("is errored after exactly max_restarts restarts, with its exit in list and describe", async () => {
    const limits = ["--max-restarts", "3", "--min-uptime", "1s", "--restart-delay", "20ms"];
    const started = await scene.velos("start", ending(7), "--name", "loop", ...limits);
    expect(started.code).toBe(1);
    expect(started.stderr).toMatch(/loop:0 did not come up: exit code 7/);
    await ended("errored");
    expect(runs()).toHaveLength(4);
    const [loop] = await scene.instances("loop");
    expect(loop).toMatchObject({ status: "errored", restarts: 3, exit: { code: 7 }, hold: { why: "gave-up" } });
    expect((await scene.must("describe", "loop")).stdout).toMatch(/loop:0: .*exit code 7.*gave up/);

    // It stays so over a new velosd, and another `velos start` is another chance.
    await scene.must("kill");
    expect(await scene.instances("loop")).toMatchObject([{ status: "errored", restarts: 3 }]);
    expect(runs()).toHaveLength(4);
    expect((await scene.velos("start", "loop")).code).toBe(1);
    await ended("errored");
    expect(runs()).toHaveLength(8);
  });

  it("is given up all the same while velosd is killed again and again", async () => {
    const limits = ["--max-restarts", "4", "--min-uptime", "1s", "--restart-delay", "200ms"];
    await scene.velos("start", ending(1), "--name", "loop", ...limits);
    for (const count of [2, 3, 4]) {
      await until(`run ${count}`, () => runs().length >= count);
      process.kill(await scene.daemonPid(), "SIGKILL");
    }
    await scene.list();
    await ended("errored");
    // Each death may cost the last second of counting, and what ran while velosd was away; but it comes to an end.
    expect(runs().length).toBeGreaterThanOrEqual(5);
  });

  it("waits restart_delay between runs", async () => {
    await scene.velos("start", ending(1), "--name", "loop", "--max-restarts", "3", "--restart-delay", "300ms");
    await ended("errored");
    const times = runs();
    const gaps = times.slice(1).map((at, position) => at - times[position]!);
    expect(gaps).toHaveLength(3);
    for (const gap of gaps) {
      expect(gap).toBeGreaterThanOrEqual(300);
      expect(gap).toBeLessThan(1300);
    }
  });

  it("is not restarted with --no-autorestart", async () => {
    await scene.velos("start", ending(5), "--name", "loop", "--no-autorestart");
    const [loop] = await scene.instances("loop");
    expect(loop).toMatchObject({ restarts: 0, exit: { code: 5 } });
    expect(["stopped", "errored"]).toContain(loop!.status);
    expect(runs()).toHaveLength(1);
  });

  it("is not restarted after one of its stop_exit_codes, and is after another", async () => {
    const script = scene.script(
      "turns.sh",
      `date +%s%3N >> ${scene.path("runs")}`,
      `[ $(wc -l < ${scene.path("runs")}) -ge 3 ] && exit 42`,
      "exit 1",
    );
    await scene.velos("start", script, "--name", "loop", "--stop-exit-codes", "42", "--restart-delay", "20ms");
    await ended("stopped");
    expect(runs()).toHaveLength(3);
    expect(await scene.instances("loop")).toMatchObject([{ restarts: 2, exit: { code: 42 }, hold: { why: "exited" } }]);
    expect((await shownInstances()).size).toBe(0);
  });
});
