import { describe, expect, it } from "vitest";
import { useScene } from "./scene.ts";

const scene = useScene();

const ROUNDS = 15;

describe("the count of restarts", () => {
  it(`is 1 for every instance after a restart that follows a scale at once, ${ROUNDS} times`, async () => {
    await scene.must("start", "sleep 1000", "--name", "model");
    const velosd = await scene.connect();
    const { spec } = await velosd.call("describe", { selector: "model" });
    for (let round = 0; round < ROUNDS; round++) {
      const app = `api${round % 3}`;
      await velosd.call("start", { spec: { ...spec, name: app }, instances: 1 + (round % 4) });
      const { app: scaled } = await velosd.call("scale", { app, instances: "+2" });
      const { apps } = await velosd.call("restart", { selectors: [app] });
      for (const { index, name, pid, restarts } of apps[0]!.processes) {
        expect(pid, `${name} was restarted`).not.toBe(scaled.processes[index]!.pid);
        expect(restarts, `restarts of ${name}`).toBe(1);
      }
      await velosd.call("delete", { selectors: [app] });
    }
  });

  it("goes on over a stop, a scale down and up, a crash, and velosd's death", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2");
    const counts = async (): Promise<number[]> => (await scene.instances("api")).map(({ restarts }) => restarts);
    await scene.must("restart", "api");
    expect(await counts()).toEqual([1, 1]);
    await scene.must("stop", "api:1");
    await scene.must("start", "api:1");
    expect(await counts()).toEqual([1, 1]);
    await scene.must("kill");
    await scene.must("restart", "api:0");
    expect(await counts()).toEqual([2, 1]);
    await scene.must("scale", "api", "1");
    await scene.must("scale", "api", "2");
    await scene.must("restart", "api");
    expect(await counts()).toEqual([3, 2]);
  });
});
