import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasEnvironment, isDead, readAllProcesses } from "../../src/backend/spawn/process-table.ts";
import { SpawnHome } from "./spawn-home.ts";

let home: SpawnHome;
beforeEach(() => {
  home = new SpawnHome();
});
afterEach(async () => {
  await home.close();
  for (const pid of checks()) process.kill(pid, "SIGKILL");
});

/** Processes of health checks: they have the app's environment, and the app's own process has more. */
const checks = (): number[] =>
  readAllProcesses()
    .filter((entry) => !isDead(entry) && hasEnvironment(entry.pid, "CHECKED", home.path))
    .map(({ pid }) => pid)
    .filter((pid) => !hasEnvironment(pid, "VELOS_TEST_APP", "1"));

const until = async (holds: () => boolean, what: string): Promise<void> => {
  for (const deadline = Date.now() + 15_000; !holds(); await new Promise((go) => setTimeout(go, 20)))
    if (Date.now() > deadline) throw new Error(`not within 15 s: ${what}`);
};

/** An app that was well, and then its check hangs in a child of a shell, and in one that the shell does not wait for. */
const start = async (timeout: string): Promise<void> => {
  home.write(
    "velos.toml",
    [
      "[apps.api]",
      `command = ["/bin/sh", "-c", "VELOS_TEST_APP=1 exec sleep 1000"]`,
      `env = { CHECKED = "${home.path}" }`,
      "[apps.api.health]",
      `command = ["/bin/sh", "-c", "test -e ${home.path}/hang || exit 0; echo >> ${home.path}/asked; sleep 1000 & sleep 1000; true"]`,
      'interval = "100ms"',
      `timeout = "${timeout}"`,
      "failures = 1000",
    ].join("\n"),
  );
  await home.must("start", "--config", join(home.path, "velos.toml"));
  home.write("hang", "");
};

describe("a health command that hangs", () => {
  it("leaves nothing, however often it is asked", async () => {
    await start("200ms");
    const asked = join(home.path, "asked");
    await until(() => existsSync(asked) && statSync(asked).size >= 8, "it is asked eight times");
    // The shell of the check that runs now, and its two children.
    expect(checks().length).toBeLessThanOrEqual(3);
    expect((await home.app("api")).processes).toMatchObject([{ restarts: 0 }]);
  });

  it("ends with velosd", async () => {
    await start("1000s");
    await until(() => checks().length === 3, "a check that hangs");
    await home.must("kill");
    await until(() => checks().length === 0, "nothing of the check is there");
  });
});
