import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
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

/** Makes velosd's files unreadable, as those of root's velosd are for members of the group velos. */
const hideFiles = (): void => {
  const directory = join(home.path, "apps");
  if (existsSync(directory)) renameSync(directory, `${directory}.hidden`);
  writeFileSync(directory, "");
};

it("are those of apps and instances", async () => {
  await home.must("start", "sleep", "--name", "web", "--", "1000");
  await home.must("start", "sleep", "--name", "api", "-i", "2", "--", "1000");
  const all = { status: 0, stdout: "api\napi:0\napi:1\nweb\nweb:0\n", stderr: "" };
  expect(names()).toMatchObject(all);
  hideFiles();
  expect(names()).toMatchObject(all);
});

it("are those of what velosd keeps, also while it is away, and it is not woken", async () => {
  await home.must("start", "sleep", "--name", "api", "--", "1000");
  await home.must("kill");
  writeFileSync(join(home.path, "apps", "broken.json"), "{");
  expect(names()).toMatchObject({ status: 0, stdout: "api\napi:0\n", stderr: "" });
  expect(existsSync(join(home.path, "run", "velosd.sock"))).toBe(false);
});

it("are none where velosd does not run, which is not started for them", () => {
  expect(names()).toMatchObject({ status: 0, stdout: "", stderr: "" });
  expect(existsSync(join(home.path, "run"))).toBe(false);
});

it("are none where velosd does not answer, and nobody waits for it", async () => {
  hideFiles();
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
