import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SpawnHome } from "./spawn-home.ts";
import { velosProgram } from "./systemd/velos.ts";

// What shells run when somebody presses tab: whatever becomes of velosd, nothing is printed but names, and it ends.
let home: SpawnHome;
const names = (): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, ["--", velosProgram, "__names", "--user"], {
    env: home.env,
    encoding: "utf8",
    timeout: 20_000,
  });

beforeEach(() => (home = new SpawnHome()));
afterEach(() => home.close());

it("are those of apps and instances", async () => {
  await home.must("start", "sleep", "--name", "api", "-i", "2", "--", "1000");
  expect(names()).toMatchObject({ status: 0, stdout: "api\napi:0\napi:1\n", stderr: "" });
});

it("are none where velosd does not run, which is not started for them", () => {
  expect(names()).toMatchObject({ status: 0, stdout: "", stderr: "" });
  expect(existsSync(join(home.path, "run"))).toBe(false);
});

it("are none where velosd does not answer, and nobody waits for it", async () => {
  mkdirSync(join(home.path, "run"));
  const silent = createServer(() => {});
  silent.listen(join(home.path, "run", "velosd.sock"));
  await once(silent, "listening");
  try {
    // The kernel takes the connection; this process does not even look at it meanwhile.
    expect(names()).toMatchObject({ status: 0, stdout: "", stderr: "" });
  } finally {
    silent.close();
  }
});
