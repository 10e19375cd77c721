import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { commandLineOf } from "./environ.ts";
import { useScene } from "./scene.ts";
import { loadedUnits, shownInstances } from "./systemctl.ts";
import { velosdProgram } from "./velos.ts";

const scene = useScene();

const CALLS = 20;
const numbers = Array.from({ length: CALLS }, (_, number) => number);

/** Processes that run velosd. */
const daemons = (): number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        return pid > 0 && commandLineOf(pid).includes(velosdProgram);
      } catch {
        return false;
      }
    });

describe("twenty CLI calls at the same moment while no velosd runs", () => {
  it("all succeed when they list, and one velosd answers them", async () => {
    expect(await loadedUnits()).not.toContain("velosd.service");
    const outcomes = await Promise.all(numbers.map(() => scene.velos("list")));
    for (const { code, stderr } of outcomes) expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(daemons()).toEqual([await scene.daemonPid()]);
  });

  it("all succeed when each starts an app of its own", async () => {
    const outcomes = await Promise.all(
      numbers.map((number) => scene.velos("start", "sleep 1000", "--name", `app-${number}`)),
    );
    for (const { code, stderr } of outcomes) expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(daemons()).toEqual([await scene.daemonPid()]);
    const apps = await scene.list();
    expect(apps.map(({ name, online }) => `${name} ${online}`).sort()).toEqual(
      numbers.map((number) => `app-${number} 1`).sort(),
    );
    expect((await shownInstances()).size).toBe(CALLS);
  });

  it("make one app when they all start the same", async () => {
    const outcomes = await Promise.all(
      numbers.map(() => scene.velos("start", "sleep 1000", "--name", "api", "-i", "2")),
    );
    for (const { code, stderr } of outcomes) expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(daemons()).toHaveLength(1);
    expect(await scene.list()).toMatchObject([{ name: "api", instances: 2, online: 2 }]);
    expect((await shownInstances()).size).toBe(2);
  });
});
