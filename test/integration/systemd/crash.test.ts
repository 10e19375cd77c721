import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { report } from "./report.ts";
import { useScene } from "./scene.ts";
import { slowness } from "./slowness.ts";
import { median, until } from "./until.ts";

const scene = useScene();

const KILLS = 9;

describe("kill -9 of an instance", () => {
  it("has it online again within 0.5 s, counted as one restart, and touches no other", async () => {
    await scene.must("start", resolve("packaging/examples/http.mjs"), "--name", "api", "-i", "4");
    const velosd = await scene.connect();
    const instances = async () => (await velosd.call("list", {})).apps[0]!.processes;
    const others = (await instances()).toSpliced(1, 1).map(({ pid, restarts }) => ({ pid, restarts }));
    const tookMs: number[] = [];
    for (let kill = 1; kill <= KILLS; kill++) {
      const { pid } = (await instances())[1]!;
      const began = performance.now();
      process.kill(pid!, "SIGKILL");
      const back = await until("api:1 is online again", async () => {
        const instance = (await instances())[1]!;
        return instance.status === "online" && instance.pid !== pid && instance;
      });
      tookMs.push(performance.now() - began);
      expect(back.restarts).toBe(kill);
    }
    expect((await instances()).toSpliced(1, 1).map(({ pid, restarts }) => ({ pid, restarts }))).toEqual(others);
    report(
      `kill -9 to online: median ${median(tookMs).toFixed(0)} ms, worst ${Math.max(...tookMs).toFixed(0)} ms of ${KILLS}`,
    );
    expect(median(tookMs)).toBeLessThanOrEqual(500 * slowness());
  });
});
