import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Scope } from "../../src/backend/backend.ts";
import { labelOf, plistPath } from "../../src/backend/launchd/names.ts";
import type { InstanceState } from "../../src/backend/spawn/state-file.ts";
import type { AppSpec } from "../../src/domain/app.ts";
import { firstMessages, isRunning } from "../backend/harness.ts";
import { Watched } from "../backend/watched.ts";
import { FakeLaunchd, makeLaunchdHarness } from "./launchd-harness.ts";

// What launchd, and only launchd, may bring about; with a mock of it.

let launchd: FakeLaunchd;
let harness: Awaited<ReturnType<typeof makeLaunchdHarness>>;
let watched: Watched;

const set = async (scope: Scope = "user", ...flags: string[]): Promise<void> => {
  launchd = await FakeLaunchd.start(...flags);
  harness = await makeLaunchdHarness(launchd, scope);
  watched = await new Watched(harness.makeBackend()).open();
};
const unset = async (): Promise<void> => {
  try {
    await watched.backend.close();
  } finally {
    await harness.cleanup();
    await launchd.stop();
  }
};
beforeEach(() => set());
afterEach(unset);

const start = async (overrides: Partial<AppSpec> = {}): Promise<number> => {
  const spec = harness.spec("api", { does: "run" }, overrides);
  await watched.backend.prepare(spec);
  await watched.backend.start(spec, 0, 1);
  return watched.one("api", 0)!.pid!;
};
const replaceVelosd = async (meanwhile: () => Promise<void> | void = () => undefined): Promise<void> => {
  await watched.backend.close();
  await meanwhile();
  watched = await new Watched(harness.makeBackend()).open();
};
const target = (domain = "gui"): string => `${domain}/${launchd.uid}/${labelOf("api", 0)}`;
const statePath = (): string => join(harness.stateDir, "spawn", "api", "0.json");

test("an instance is a job with its label, and nothing is left of it after a stop", async () => {
  await start();
  expect(watched.one("api", 0)!.unit).toBe("velos.api.0");
  expect((await launchd.launchctl("print", target())).stdout).toContain("state = running");
  await watched.backend.stop("api", 0);
  expect((await launchd.launchctl("print", target())).code).toBe(113);
  expect(readdirSync(join(harness.stateDir, "launchd"))).toEqual([]);
});

test("where nobody is logged in at the screen, jobs are the user's own", async () => {
  await unset();
  await set("user", "--no-screen");
  const pid = await start();
  expect((await launchd.launchctl("print", target("user"))).stdout).toContain(`pid = ${pid}`);
  // The screen is there when the next velosd is: it looks in both places.
  await replaceVelosd(async () => void (await launchd.launchctl("mock-screen", "on")));
  expect(watched.one("api", 0)).toMatchObject({ pid, status: "online" });
  await watched.backend.restart("api", 0);
  expect((await launchd.launchctl("print", target("user"))).code).toBe(113);
  expect((await launchd.launchctl("print", target("gui"))).stdout).toContain("state = running");
});

test("after a logout at the screen new jobs are the user's own", async () => {
  await start();
  await watched.backend.stop("api", 0);
  await launchd.launchctl("mock-screen", "off");
  const pid = await start();
  expect((await launchd.launchctl("print", target("user"))).stdout).toContain(`pid = ${pid}`);
});

test.runIf(process.getuid?.() === 0)("another user's app is run by the system's launchd, and by no other", async () => {
  const other = { user: "nobody", secretEnv: { TOKEN: "s3cret" } };
  await expect(start(other)).rejects.toMatchObject({ code: "BACKEND_FAILED" });
  await unset();
  await set("system");
  await start({ ...other, args: ["-c", 'id -un; echo "$TOKEN"; exec sleep 1000'] });
  expect(await firstMessages(watched.backend, "api", 2)).toEqual(["nobody", "s3cret"]);
  expect((await launchd.launchctl("print", "system/velos.api.0")).stdout).not.toContain("s3cret");
});

test("a label that somebody disabled is enabled again", async () => {
  await launchd.launchctl("disable", target());
  expect(await isRunning(await start())).toBe(true);
});

test("a job left by a velosd whose state is lost makes room, with its process", async () => {
  const before = await start();
  await replaceVelosd(() => rmSync(statePath()));
  expect(watched.one("api", 0)).toBeUndefined();
  const after = await start();
  expect(after).not.toBe(before);
  expect(await isRunning(before)).toBe(false);
});

test("velosd dies between a job's start and the note of its pid: the next one finds it, and its end", async () => {
  const pid = await start({ autorestart: false });
  const forget = (): void => {
    const {
      pid: _,
      startTime: __,
      startedAt: ___,
      onlineAt: ____,
      ...state
    } = JSON.parse(readFileSync(statePath(), "utf8")) as InstanceState;
    writeFileSync(statePath(), JSON.stringify({ ...state, phase: "spawning", spawner: "velosd" }));
  };
  await replaceVelosd(forget);
  await watched.until("api", 0, "online", ({ status }) => status === "online");
  expect(watched.one("api", 0)!.pid).toBe(pid);
  process.kill(pid, "SIGKILL");
  await watched.until("api", 0, "dead", ({ status }) => status === "errored");
  expect(watched.one("api", 0)!.exit).toMatchObject({ signal: "SIGKILL" });
});

test("velosd dies between a job's making and its start: the next one starts it", async () => {
  const before = await start();
  await replaceVelosd(async () => {
    const plist = readFileSync(plistPath(harness.stateDir, "velos.api.0"));
    await launchd.launchctl("bootout", target());
    await expect.poll(async () => (await launchd.launchctl("print", target())).code).toBe(113);
    writeFileSync(plistPath(harness.stateDir, "velos.api.0"), plist, { mode: 0o600 });
    await launchd.launchctl("bootstrap", `gui/${launchd.uid}`, plistPath(harness.stateDir, "velos.api.0"));
    const { pid: _, startTime: __, ...state } = JSON.parse(readFileSync(statePath(), "utf8")) as InstanceState;
    writeFileSync(statePath(), JSON.stringify({ ...state, phase: "spawning", spawner: "velosd" }));
  });
  const after = await watched.until("api", 0, "online", ({ status }) => status === "online");
  expect(after.pid).not.toBe(before);
  expect((await launchd.launchctl("print", target())).stdout).toContain(`pid = ${after.pid}`);
});

test("an older launchctl says otherwise that there is no job, and is understood", async () => {
  await launchd.launchctl("mock-old");
  const before = await start();
  await watched.backend.restart("api", 0);
  await watched.backend.stop("api", 0);
  expect(await isRunning(before)).toBe(false);
  expect((await launchd.launchctl("print", target())).code).toBe(113);
});

test("a job that an operator boots out is made anew", async () => {
  const before = await start({ restartDelayMs: 20 });
  await launchd.launchctl("bootout", target());
  const after = await watched.until("api", 0, "restarted", ({ status, pid }) => status === "online" && pid !== before);
  expect(after.restarts).toBe(1);
});

test("what launchd refuses is told in its words", async () => {
  // The mock refuses what others may write to.
  const umask = process.umask(0);
  try {
    await start();
    expect(existsSync(plistPath(harness.stateDir, "velos.api.0"))).toBe(true);
  } finally {
    process.umask(umask);
  }
  chmodSync(plistPath(harness.stateDir, "velos.api.0"), 0o666);
  const refused = await launchd.launchctl(
    "bootstrap",
    `gui/${launchd.uid}`,
    plistPath(harness.stateDir, "velos.api.0"),
  );
  expect(refused).toMatchObject({ code: 122 });
  await launchd.stop();
  await expect(watched.backend.restart("api", 0)).rejects.toMatchObject({
    code: "BACKEND_FAILED",
    message: expect.stringContaining("launchd refused: launchctl bootout") as string,
  });
});
