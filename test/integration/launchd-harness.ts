import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Scope } from "../../src/backend/backend.ts";
import { LaunchdBackend } from "../../src/backend/launchd/backend.ts";
import type { BackendHarness } from "../backend/harness.ts";
import { makeSpawnHarness, programs } from "./spawn-harness.ts";

const fakes = fileURLToPath(new URL("../fakes", import.meta.url));

/** A mock of launchd that runs, and how to reach it. */
export class FakeLaunchd {
  readonly directory = mkdtempSync(join(tmpdir(), "velos-launchd-"));
  /** What whoever is to talk to it has in its environment. */
  readonly env = { FAKE_LAUNCHD: this.directory, PATH: `${fakes}:${process.env["PATH"]}` };
  readonly uid = process.getuid?.() ?? 0;
  #child: ReturnType<typeof spawn> | undefined;

  static async start(...flags: string[]): Promise<FakeLaunchd> {
    const launchd = new FakeLaunchd();
    const child = spawn(process.execPath, [join(fakes, "launchd.mjs"), launchd.directory, ...flags], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    launchd.#child = child;
    await once(child.stdout, "data");
    return launchd;
  }

  /** Asks it something, as an operator would. */
  async launchctl(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return new Promise((resolve) => {
      execFile(join(fakes, "launchctl"), words, { env: { ...process.env, ...this.env } }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
      );
    });
  }

  /** Calls of launchctl so far. */
  calls(): { words: string[]; code: number }[] {
    const lines = readFileSync(join(this.directory, "calls"), "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line) as { words: string[]; code: number });
  }

  /** Ends it, with all of its jobs. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A harness whose velosds talk to the given launchd, which stays when it is cleaned up. */
export const makeLaunchdHarness = async (
  launchd: FakeLaunchd,
  scope: Scope = "user",
): Promise<BackendHarness & { stateDir: string; makeBackend: () => LaunchdBackend }> => {
  const harness = await makeSpawnHarness();
  const before = { PATH: process.env["PATH"], FAKE_LAUNCHD: process.env["FAKE_LAUNCHD"] };
  Object.assign(process.env, launchd.env);
  const { stateDir } = harness;
  const uid = process.getuid?.() ?? 0;
  return {
    ...harness,
    makeBackend: () => new LaunchdBackend({ stateDir, ...programs, scope, uid }),
    cleanup: async () => {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      await harness.cleanup();
    },
  };
};
