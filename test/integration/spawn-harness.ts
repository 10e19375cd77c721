import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SpawnBackend } from "../../src/backend/spawn/backend.ts";
import { startTimeOf } from "../../src/backend/spawn/process-table.ts";
import type { BackendHarness } from "../backend/harness.ts";
import { makeSpec, shellScript } from "../backend/programs.ts";

const dist = (file: string): string => fileURLToPath(new URL(`../../dist/${file}`, import.meta.url));

/** What a spawn backend needs of the build. */
export const programs = { preload: dist("preload.cjs"), keeper: dist("keeper.cjs") };

/** Ends the instances whose state files are still there; each is checked to be the process that the file speaks of. */
export const killRecorded = (stateDir: string): void => {
  if (!existsSync(join(stateDir, "spawn"))) return;
  const root = join(stateDir, "spawn");
  for (const name of readdirSync(root, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".json")) continue;
    const { pid, startTime } = JSON.parse(readFileSync(join(root, name), "utf8")) as {
      pid?: number;
      startTime?: string;
    };
    if (pid !== undefined && startTimeOf(pid) === startTime) process.kill(-pid, "SIGKILL");
  }
};

export const makeSpawnHarness = async (): Promise<BackendHarness & { stateDir: string }> => {
  const stateDir = mkdtempSync(join(tmpdir(), "velos-spawn-"));
  return {
    stateDir,
    real: true,
    makeBackend: () => new SpawnBackend({ stateDir, ...programs }),
    spec: (name, program, overrides) =>
      makeSpec(name, ["/bin/sh", "-c", shellScript(program, ': > "$VELOS_READY_FILE"')], overrides),
    crash: (backend, app, index) => {
      const pid = backend.observe(app).find((instance) => instance.index === index)?.pid;
      if (pid === undefined) throw new Error(`${app}:${index} has no process`);
      process.kill(pid, "SIGKILL");
    },
    cleanup: async () => {
      try {
        killRecorded(stateDir);
      } finally {
        rmSync(stateDir, { recursive: true, force: true });
      }
    },
  };
};
