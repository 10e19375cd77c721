import { appendFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { InstanceView } from "../../../src/controller/views.ts";
import { useScene } from "./scene.ts";
import { property, systemctl } from "./systemctl.ts";
import { until } from "./until.ts";

const scene = useScene();

/** The instance once it is up in another run than before. */
const restarted = async (app: string, before: InstanceView): Promise<InstanceView> =>
  until("another run", async () => {
    const [now] = await scene.instances(app);
    return now?.status === "online" && now.pid !== before.pid ? now : undefined;
  });

describe("watch", () => {
  it("restarts the app when a file changes, once for a burst, and not for what is ignored", async () => {
    scene.write("src/a.js", "1");
    scene.write("node_modules/b.js", "1");
    scene.write("app.js", "console.log('ready'); setInterval(() => {}, 1000)");
    await scene.must("start", "app.js", "--name", "api", "--watch=src,node_modules");
    const [before] = await scene.instances("api");
    // The watcher is set up after the start: changes are made until one is seen.
    const after = await until("a restart by the change", async () => {
      appendFileSync(scene.path("src/a.js"), "x");
      appendFileSync(scene.path("node_modules/b.js"), "x");
      const [now] = await scene.instances("api");
      return now?.status === "online" && now.pid !== before!.pid ? now : undefined;
    });
    expect(after.restarts).toBeGreaterThanOrEqual(1);
  });
});

describe("max_memory_restart", () => {
  it("restarts the instance that uses more, and leaves the others", async () => {
    scene.write(
      "app.js",
      "if (process.env.VELOS_INSTANCE_ID === '1') globalThis.held = Buffer.alloc(200 * 1024 * 1024, 1); setInterval(() => {}, 1000)",
    );
    await scene.must("start", "app.js", "--name", "api", "-i", "2", "--max-memory", "150M");
    const [small, big] = await scene.instances("api");
    const daemon = await scene.connect();
    await until(
      "a restart by its memory",
      async () => {
        const { apps } = await daemon.call("list", {});
        return apps[0]!.processes[1]!.pid !== big!.pid ? true : undefined;
      },
      15_000,
    );
    const [now] = await scene.instances("api");
    expect(now!.pid).toBe(small!.pid);
    expect(now!.restarts).toBe(0);
  });
});

describe("cron_restart", () => {
  it("is a timer of systemd that restarts the app also while velosd is away, and goes with the app", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "--cron-restart", "0 3 * * 1-5");
    expect(await property("velosd-cron-api.timer", "ActiveState")).toBe("active");
    expect(await property("velosd-cron-api.timer", "TimersCalendar")).toContain("Mon..Fri *-*-* 03:00:00");
    const [before] = await scene.instances("api");
    await scene.must("kill");
    // What the timer does at three, done now.
    await systemctl("start", "velosd-cron-api.service");
    const after = await restarted("api", before!);
    expect(after.restarts).toBe(1);
    await scene.must("delete", "api");
    expect(await property("velosd-cron-api.timer", "LoadState")).toBe("not-found");
  });
});
