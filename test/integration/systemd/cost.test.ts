import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { residentMegabytes } from "./environ.ts";
import { report } from "./report.ts";
import { useScene } from "./scene.ts";
import { shownInstances } from "./systemctl.ts";
import { slowness } from "./slowness.ts";
import { median, until } from "./until.ts";
import { velosProgram } from "./velos.ts";

const scene = useScene();

/** Milliseconds from the start of `velos start` until the last of its instances came online, by the manager's clock. */
const timeToOnline = async (count: number, ...words: string[]): Promise<number> => {
  await scene.must("ping");
  const velosd = await scene.connect();
  const online = (async () => {
    const indexes = new Set<number>();
    for await (const event of velosd.stream("watch", {})) {
      if (event.type === "instance" && event.status === "online") indexes.add(event.index);
      if (indexes.size === count) return event.at;
    }
    throw new Error("the stream of events ended");
  })();
  const began = Date.now();
  await scene.must("start", ...words, "-i", String(count));
  return (await online) - began;
};

describe("what velos costs", () => {
  it("50 instances are online within 1.0 s of the command", async () => {
    const tookMs: number[] = [];
    for (let round = 0; round < 3; round++) {
      tookMs.push(await timeToOnline(50, "sleep 1000", "--name", `many${round}`));
      expect((await shownInstances()).size).toBe(50);
      await scene.must("delete", "all");
    }
    report(`50 × sleep, command to all online: ${tookMs.map((ms) => ms.toFixed(0)).join(", ")} ms`);
    const webMs = await timeToOnline(50, resolve("packaging/examples/http.mjs"), "--name", "web");
    report(`50 × node, command to all online: ${webMs.toFixed(0)} ms`);
    expect(median(tookMs)).toBeLessThanOrEqual(1000 * slowness());
  });

  it("velosd takes at most 60 MB with 50 instances", async () => {
    await scene.must("start", "sleep 1000", "--name", "many", "-i", "50");
    const pid = await scene.daemonPid();
    const velosd = await scene.connect();
    const atFirst = residentMegabytes(pid);
    for (let look = 0; look < 20; look++) await velosd.call("list", {});
    const busy = residentMegabytes(pid);
    // What was needed for a moment is given back when velosd is left alone.
    const settled = await until(
      "velosd is back to 60 MB",
      () => {
        const megabytes = residentMegabytes(pid);
        return megabytes <= 60 && megabytes;
      },
      30_000,
    );
    report(
      `velosd with 50 instances: ${atFirst.toFixed(1)} MB after the start, ${busy.toFixed(1)} MB after 20 lists, then ${settled.toFixed(1)} MB`,
    );
  });

  it("500 instances start, are listed and are deleted without an error", async () => {
    const started = await scene.must("start", "sleep 1000", "--name", "many", "-i", "500");
    const listed = await scene.must("list");
    expect(listed.stdout.match(/online/g)).toHaveLength(500);
    expect((await shownInstances()).size).toBe(500);
    const deleted = await scene.must("delete", "many");
    expect((await shownInstances()).size).toBe(0);
    for (const { stderr } of [started, listed, deleted]) expect(stderr).toBe("");
    const seconds = [started, listed, deleted].map(({ tookMs }) => (tookMs / 1000).toFixed(2));
    report(`500 × sleep: start ${seconds[0]} s, list ${seconds[1]} s, delete ${seconds[2]} s`);
  });

  it("a command takes little longer than node -e 0: velos list 1.4 times, --version 1.15, a press of tab 1.15", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "4");
    const time = (...args: string[]): number => {
      const began = performance.now();
      expect(spawnSync(process.execPath, args, { env: scene.env, stdio: "ignore" }).status).toBe(0);
      return performance.now() - began;
    };
    const commands = {
      list: { words: [velosProgram, "--user", "list"], limit: 1.4 },
      version: { words: [velosProgram, "--version"], limit: 1.15 },
      names: { words: [velosProgram, "__names", "--user"], limit: 1.15 },
    };
    for (const [name, { words, limit }] of Object.entries(commands)) {
      time(...words);
      const pairs = Array.from({ length: 31 }, () => ({ bareMs: time("-e", "0"), ownMs: time(...words) }));
      const ratio = median(pairs.map(({ bareMs, ownMs }) => ownMs / bareMs));
      report(
        `velos ${name} ${median(pairs.map(({ ownMs }) => ownMs)).toFixed(0)} ms, node -e 0 ${median(pairs.map(({ bareMs }) => bareMs)).toFixed(0)} ms, median ratio of ${pairs.length} pairs ${ratio.toFixed(2)}`,
      );
      expect(ratio).toBeLessThanOrEqual(limit);
    }
  });
});
