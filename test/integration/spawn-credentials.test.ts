import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SpawnBackend } from "../../src/backend/spawn/backend.ts";
import type { AppSpec } from "../../src/domain/app.ts";
import type { Sandbox } from "../../src/domain/sandbox.ts";
import { firstMessages } from "../backend/harness.ts";
import { makeSpec } from "../backend/programs.ts";
import { makeSpawnHarness, programs } from "./spawn-harness.ts";

let harness: Awaited<ReturnType<typeof makeSpawnHarness>>;
let backend: SpawnBackend;

beforeEach(async () => {
  harness = await makeSpawnHarness();
  backend = new SpawnBackend({ stateDir: harness.stateDir, ...programs });
  await backend.open(() => undefined);
});
afterEach(async () => {
  try {
    for (const app of backend.apps())
      await Promise.all(backend.observe(app).map(({ index }) => backend.stop(app, index)));
    await backend.close();
  } finally {
    await harness.cleanup();
  }
});

const shell = (script: string, overrides: Partial<AppSpec>): AppSpec =>
  makeSpec("api", ["/bin/sh", "-c", script], overrides);
const credentials = (): string => join(harness.stateDir, "credentials");

describe("secrets without systemd", () => {
  it("are files that only the instance's user can read, read anew at each run", async () => {
    mkdirSync(harness.stateDir, { recursive: true });
    const file = join(harness.stateDir, "db.key");
    writeFileSync(file, "first\n");
    const spec = shell('cd "$CREDENTIALS_DIRECTORY" && cat db && cat api; stat -c "%a %U" . db; exec sleep 1000', {
      credentials: { db: { path: file }, api: { text: "of-the-text\n" } },
    });
    await backend.prepare(spec);
    await backend.start(spec, 0, 1);
    const me = process.getuid?.() === 0 ? "root" : process.env["USER"];
    expect(await firstMessages(backend, "api", 4)).toEqual(["first", "of-the-text", `700 ${me}`, `400 ${me}`]);
    writeFileSync(file, "second\n");
    await backend.restart("api", 0);
    expect((await firstMessages(backend, "api", 8))[4]).toBe("second");
    await backend.stop("api", 0);
    expect(readdirSync(credentials())).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)("belong to the app's user", async () => {
    const spec = shell('cat "$CREDENTIALS_DIRECTORY/api"; exec sleep 1000', {
      user: "nobody",
      credentials: { api: { text: "of-the-text\n" } },
    });
    await backend.prepare(spec);
    await backend.start(spec, 0, 1);
    expect(await firstMessages(backend, "api", 1)).toEqual(["of-the-text"]);
    expect(statSync(join(credentials(), "api-0", "api")).mode & 0o777).toBe(0o400);
  });

  it.each([
    [{ path: "/no/such" }, "the secret db of api cannot be read: ENOENT"],
    [{ encrypted: "/no/such" }, "the secret db of api is encrypted by systemd-creds"],
  ])("that cannot be had are an error: %j", async (db, message) => {
    await expect(backend.start(shell("true", { credentials: { db } }), 0, 1)).rejects.toThrow(message);
  });
});

describe("a sandbox without systemd", () => {
  it.each<[Partial<Sandbox>, string]>([
    [{ profile: "strict" }, 'sandbox = "strict"'],
    [{ network: false }, "network = false"],
    [{ writeExecute: false }, "write_execute = false"],
    [{ hide: ["/srv"] }, "hide"],
  ])("is refused where it was asked for: %j", async (sandbox, asked) => {
    const spec = shell("true", { sandbox: { profile: "none", ...sandbox } });
    await expect(backend.prepare(spec)).rejects.toThrow(`api has ${asked}, which only systemd can enforce`);
  });

  it("is left out where it is the default", async () => {
    const spec = shell("exec sleep 1000", { sandbox: { profile: "default" } });
    await backend.prepare(spec);
    await backend.start(spec, 0, 1);
    expect(backend.observe("api")).toHaveLength(1);
  });
});
