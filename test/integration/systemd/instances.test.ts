import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { environmentOf } from "./environ.ts";
import { useScene } from "./scene.ts";
import { property, shownInstances, systemctl } from "./systemctl.ts";

const scene = useScene();

describe("an app of four instances", () => {
  it("is four units that systemctl shows, each with its own instance number", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "4");
    const units = await shownInstances();
    expect([...units.keys()].sort()).toEqual([0, 1, 2, 3].map((index) => `velos-api@${index}.service`));
    const listed = await scene.instances("api");
    for (const [index, { unit, pid, status }] of listed.entries()) {
      expect(status).toBe("online");
      expect(units.get(unit!)).toMatchObject({ activeState: "active", mainPid: pid });
      expect(environmentOf(pid!)).toMatchObject({
        VELOS_APP: "api",
        VELOS_INSTANCE_ID: String(index),
        NODE_APP_INSTANCE: String(index),
        VELOS_INSTANCES: "4",
      });
    }
  });

  it("is named in the description that systemctl status shows", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2");
    const [first] = (await systemctl("status", "--no-pager", "velos-api@0")).split("\n");
    expect(first).toMatch(/velos-api@0\.service - .*\bapi\b.*\b0\b/);
  });

  it("is one slice below velos.slice", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2");
    for (const index of [0, 1])
      expect(await property(`velos-api@${index}`, "ControlGroup")).toMatch(
        new RegExp(`/velos\\.slice/velos-api\\.slice/velos-api@${index}\\.service$`),
      );
  });

  it("has an instance per processor with -i max", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "max");
    expect((await shownInstances()).size).toBe(availableParallelism());
  });

  it("is stopped, started and scaled, instance by instance too", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "4");
    const before = await scene.pids("api");

    await scene.must("stop", "api:2");
    expect((await scene.instances("api")).map(({ status }) => status)).toEqual([
      "online",
      "online",
      "stopped",
      "online",
    ]);
    await scene.must("start", "api:2");
    const started = await scene.pids("api");
    expect(started.toSpliced(2, 1)).toEqual(before.toSpliced(2, 1));
    expect(started[2]).not.toBe(before[2]);

    await scene.must("scale", "api", "+2");
    await scene.must("scale", "api", "-1");
    expect((await scene.pids("api")).slice(0, 4)).toEqual(started);
    expect((await shownInstances()).size).toBe(5);

    await scene.must("stop", "api");
    expect((await shownInstances()).size).toBe(0);
    expect((await scene.instances("api")).map(({ status }) => status)).toEqual(Array(5).fill("stopped"));
    await scene.must("start", "api");
    expect((await shownInstances()).size).toBe(5);
  });
});
