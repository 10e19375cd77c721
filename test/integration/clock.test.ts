import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SpawnHome } from "./spawn-home.ts";

/** Debian's libfaketime: what a process takes for the time of day is read from a file. */
const library = readdirSync("/usr/lib")
  .map((name) => join("/usr/lib", name, "faketime", "libfaketime.so.1"))
  .find((path) => existsSync(path));

let home: SpawnHome;

/** Sets velosd's clock, to so many seconds away from the machine's. Nothing else of it is faked. */
const setClock = (seconds: number): void =>
  writeFileSync(join(home.path, "clock"), `${seconds < 0 ? "" : "+"}${seconds}\n`);

beforeEach(() => {
  home = new SpawnHome();
  setClock(0);
  Object.assign(home.env, {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: join(home.path, "clock"),
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    FAKETIME_NO_CACHE: "1",
  });
  home.write(
    "velos.toml",
    `[apps.api]
command = ["sleep", "1000"]
instances = 3
min_uptime = "100ms"
[apps.api.rollout]
max_unavailable = 1
min_ready = "700ms"
pause = 0
on_failure = "revert"
`,
  );
});
afterEach(async () => home.close());

const HOUR = 3600;

it.each([
  ["an hour ahead", HOUR],
  ["an hour back", -HOUR],
  ["a year ahead", 365 * 24 * HOUR],
])(
  "a rollout goes on at its pace when the clock is set %s",
  async (_, by) => {
    await home.must("start", "--config", join(home.path, "velos.toml"));
    const before = await home.pids("api");
    const began = performance.now();
    const reloading = home.must("reload", "api");
    // From the highest index on.
    for (let pid = before[2]; pid === undefined || pid === before[2];) [, , pid] = await home.pids("api");
    setClock(by);
    await reloading;
    const tookMs = performance.now() - began;
    const app = await home.app("api");
    expect(app).toMatchObject({ online: 3, rollout: { status: "done" } });
    // Three times min_ready, whatever the clock says.
    expect(tookMs).toBeGreaterThan(3 * 700);
    expect(tookMs).toBeLessThan(30_000);
    for (const { pid, uptimeMs } of app.processes) {
      expect(before).not.toContain(pid);
      // And none is as old as the clock would have it.
      expect(uptimeMs).toBeLessThan(60_000);
    }
  },
  60_000,
);

it.each([HOUR, -HOUR])("a crash is counted, and the instance is back, when the clock is set by %i s", async (by) => {
  await home.must("start", "--config", join(home.path, "velos.toml"));
  const [pid] = await home.pids("api");
  setClock(by);
  process.kill(pid!, "SIGKILL");
  for (const deadline = performance.now() + 20_000; ;) {
    const [instance] = (await home.app("api")).processes;
    if (instance!.status === "online" && instance!.restarts === 1 && instance!.pid !== pid) break;
    if (performance.now() > deadline) throw new Error(`it is ${JSON.stringify(instance)}`);
  }
});
