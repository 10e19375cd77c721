import { describe, expect, it } from "vitest";
import { useScene } from "./scene.ts";
import { slowness } from "./slowness.ts";
import { property, shownInstances, systemctl } from "./systemctl.ts";
import { until } from "./until.ts";

const scene = useScene();

const statuses = async (): Promise<string[]> => (await scene.instances("api")).map(({ status }) => status);

describe("velos does not fight the operator", () => {
  it("shows what systemctl stopped as stopped within a second, and leaves it stopped until velos starts it", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "3");
    const before = await scene.pids("api");
    const velosd = await scene.connect();
    await systemctl("stop", "velos-api@1");
    await until(
      "api:1 is shown as stopped",
      async () => (await velosd.call("list", {})).apps[0]!.processes[1]!.status === "stopped",
      1000 * slowness(),
    );
    expect((await scene.must("describe", "api")).stdout).toMatch(/api:1.*operator/);

    // Whatever makes velosd look again is a chance to start it: another instance's crash, a scale, a new velosd.
    process.kill(before[2]!, "SIGKILL");
    await until("api:2 is back", async () => {
      const { status, restarts } = (await velosd.call("list", {})).apps[0]!.processes[2]!;
      return status === "online" && restarts === 1;
    });
    await scene.must("scale", "api", "4");
    await scene.must("kill");
    expect(await statuses()).toEqual(["online", "stopped", "online", "online"]);
    expect((await shownInstances()).has("velos-api@1.service")).toBe(false);
    expect((await scene.pids("api"))[0]).toBe(before[0]);

    await scene.must("start", "api:1");
    expect(await statuses()).toEqual(Array(4).fill("online"));
  });

  it("takes over what systemctl restarted", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2");
    const before = await scene.pids("api");
    await systemctl("restart", "velos-api@1");
    const shown = Number(await property("velos-api@1", "MainPID"));
    const velosd = await scene.connect();
    const [other, restarted] = await until("the restart is listed", async () => {
      const { processes } = (await velosd.call("list", {})).apps[0]!;
      return processes[1]!.pid === shown && processes[1]!.status === "online" && processes;
    });
    expect(shown).not.toBe(before[1]);
    expect(restarted!.restarts).toBe(1);
    expect(other).toMatchObject({ pid: before[0], restarts: 0 });
  });

  it("takes over what came back after systemctl kill", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2");
    const before = await scene.pids("api");
    await systemctl("kill", "velos-api@0");
    const velosd = await scene.connect();
    const [killed, other] = await until("api:0 is back", async () => {
      const { processes } = (await velosd.call("list", {})).apps[0]!;
      return processes[0]!.restarts === 1 && processes[0]!.status === "online" && processes;
    });
    expect(killed!.pid).toBe(Number(await property("velos-api@0", "MainPID")));
    expect(other).toMatchObject({ pid: before[1], restarts: 0 });
  });

  it("leaves alone what systemctl stopped while velosd was away", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "3");
    await scene.must("kill");
    await systemctl("stop", "velos-api@0");
    await systemctl("restart", "velos-api@2");
    expect(await statuses()).toEqual(["stopped", "online", "online"]);
    expect((await scene.pids("api"))[2]).toBe(Number(await property("velos-api@2", "MainPID")));
  });

  it("keeps every pid over daemon-reload and daemon-reexec, and sees what happens after them", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "3", "--", "1");
    const before = await scene.pids("api");
    const velosd = await scene.connect();
    const processes = async () => (await velosd.call("list", {})).apps[0]!.processes;
    let restarts = 0;
    for (const command of ["daemon-reload", "daemon-reexec"]) {
      await systemctl(command);
      const kept = await processes();
      expect(kept.toSpliced(1, 1).map(({ pid }) => pid)).toEqual(before.toSpliced(1, 1));
      process.kill(kept[1]!.pid!, "SIGKILL");
      restarts++;
      await until(`api:1 is back after ${command}`, async () => {
        const instance = (await processes())[1]!;
        return instance.status === "online" && instance.restarts === restarts;
      });
    }
    await scene.must("restart", "api:1");
    await scene.must("scale", "api", "4");
    expect(await statuses()).toEqual(Array(4).fill("online"));
    expect((await scene.pids("api")).slice(0, 3).toSpliced(1, 1)).toEqual(before.toSpliced(1, 1));
  });
});
