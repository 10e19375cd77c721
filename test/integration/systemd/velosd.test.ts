import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { useScene } from "./scene.ts";
import { loadedUnits, shownInstances } from "./systemctl.ts";
import { velosdProgram } from "./velos.ts";

const scene = useScene();

describe("velosd", () => {
  it("leaves every instance alone when it is ended with velos kill, and finds them again", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "4");
    const before = await scene.pids("api");
    const daemonPid = await scene.daemonPid();
    await scene.must("kill");
    expect(() => process.kill(daemonPid, 0)).toThrow();
    expect((await loadedUnits()).filter((unit) => unit.startsWith("velosd"))).toEqual([]);
    expect([...(await shownInstances()).values()].map(({ mainPid }) => mainPid).sort()).toEqual([...before].sort());
    expect((await scene.must("kill")).stdout).toContain("does not run");
    expect(await scene.daemonPid()).not.toBe(daemonPid);
    expect(await scene.pids("api")).toEqual(before);
  });

  it("is back by itself after kill -9, ten times in a row, and takes the next command", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2");
    const before = await scene.pids("api");
    for (let kill = 0; kill < 10; kill++) process.kill(await scene.daemonPid(), "SIGKILL");
    expect(await scene.pids("api")).toEqual(before);
    await scene.must("scale", "api", "3");
    expect((await scene.pids("api")).slice(0, 2)).toEqual(before);
  });

  it("runs in a terminal with --foreground, alone, and leaves the instances behind", async () => {
    const child = spawn(process.execPath, [velosdProgram, "--user", "--foreground"], {
      env: scene.env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = once(child, "exit");
    try {
      let text = "";
      for await (const chunk of child.stderr.setEncoding("utf8")) {
        text += chunk as string;
        if (text.includes("serves the user scope")) break;
      }
      expect(await scene.daemonPid()).toBe(child.pid);
      await scene.must("start", "sleep 1000", "--name", "api", "-i", "2");

      const second = spawn(process.execPath, [velosdProgram, "--user", "--foreground"], {
        env: scene.env,
        stdio: ["ignore", "ignore", "pipe"],
      });
      let refusal = "";
      second.stderr.setEncoding("utf8").on("data", (chunk: string) => (refusal += chunk));
      expect(await once(second, "close")).toEqual([1, null]);
      expect(refusal).toMatch(/^velosd: velosd is already running.*\n {2}\S.*\n$/);

      const before = await scene.pids("api");
      child.kill("SIGINT");
      expect(await ended).toEqual([0, null]);
      expect(await scene.pids("api")).toEqual(before);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
