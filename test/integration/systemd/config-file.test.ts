import { describe, expect, it } from "vitest";
import type { InstanceView } from "../../../src/controller/views.ts";
import { environmentOf } from "./environ.ts";
import { useScene } from "./scene.ts";
import { shownInstances } from "./systemctl.ts";
import { runVelos } from "./velos.ts";

const scene = useScene();

const config = (words: { instances: number; seconds: number }): void => {
  scene.write(
    "velos.toml",
    `[apps.api]
command = ["sleep", "${words.seconds}"]
instances = ${words.instances}
kill_timeout = "1s"
min_uptime = "100ms"
[apps.api.rollout]
pause = "100ms"
[apps.api.env]
MODE = "development"
LEFT = "as it is"
[apps.api.env_production]
MODE = "production"

[apps.worker]
command = ["sleep", "2000"]
`,
  );
};

describe("velos start --config velos.toml", () => {
  it("starts the apps of the file, with the profile that --env names", async () => {
    config({ instances: 2, seconds: 1000 });
    await scene.must("start", "--config", "velos.toml", "--env", "production");
    expect((await scene.list()).map(({ name, online }) => `${name} ${online}`)).toEqual(["api 2", "worker 1"]);
    const [pid] = await scene.pids("api");
    expect(environmentOf(pid!)).toMatchObject({ MODE: "production", LEFT: "as it is" });
  });

  it("starts only what --only names", async () => {
    config({ instances: 2, seconds: 1000 });
    await scene.must("start", "--config", "velos.toml", "--only", "api");
    expect((await scene.list()).map(({ name }) => name)).toEqual(["api"]);
    expect(environmentOf((await scene.pids("api"))[0]!)).toMatchObject({ MODE: "development" });
    await scene.must("start", "--config", "velos.toml", "--only", "worker");
    expect((await scene.list()).map(({ name }) => name)).toEqual(["api", "worker"]);
  });

  it("scales by the file, and touches nothing else", async () => {
    config({ instances: 2, seconds: 1000 });
    await scene.must("start", "--config", "velos.toml");
    const before = await scene.pids("api");
    config({ instances: 4, seconds: 1000 });
    await scene.must("start", "--config", "velos.toml");
    expect((await scene.pids("api")).slice(0, 2)).toEqual(before);
    expect((await shownInstances()).size).toBe(5);
    config({ instances: 1, seconds: 1000 });
    await scene.must("start", "--config", "velos.toml");
    expect(await scene.pids("api")).toEqual(before.slice(0, 1));
  });

  it("rolls a changed spec one by one: never fewer than N - 1 running", async () => {
    config({ instances: 4, seconds: 1000 });
    await scene.must("start", "--config", "velos.toml", "--only", "api");
    const before = await scene.pids("api");
    const velosd = await scene.connect();
    const changed: number[] = [];
    const floor: number[] = [];
    const watching = (async () => {
      for await (const event of velosd.stream("watch", {})) {
        if (event.type === "rollout") return;
        const { processes } = (await velosd.call("list", {})).apps[0]!;
        floor.push(processes.filter(({ status }: InstanceView) => status === "online").length);
        for (const { index, pid } of processes) {
          if (pid !== undefined && pid !== before[index] && !changed.includes(index)) changed.push(index);
        }
      }
    })();
    config({ instances: 4, seconds: 1001 });
    const rolling = runVelos(["start", "--config", "velos.toml", "--only", "api"], {
      cwd: scene.directory,
      env: scene.env,
    });
    await watching;
    expect(await rolling).toMatchObject({ code: 0, stdout: expect.stringMatching(/new spec/) as string });
    expect(changed).toEqual([3, 2, 1, 0]);
    expect(Math.min(...floor)).toBe(3);
    const after = await scene.pids("api");
    for (const [index, pid] of after.entries()) expect(pid).not.toBe(before[index]);
  });
});
