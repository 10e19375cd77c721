import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Paths } from "../config/paths.ts";
import type { ResolvedApp } from "../config/resolve.ts";
import { fingerprint } from "../domain/app.ts";
import { maskedSpec } from "../domain/masked-spec.ts";
import { applyQuantity } from "../domain/quantity.ts";

/** What `velos start --dry-run --json` prints: the apps as velosd would get them. */
export const dryRunJson = (apps: readonly ResolvedApp[]): object[] =>
  apps.map(({ spec, instances }) => ({
    fingerprint: fingerprint(spec),
    instances: instances.kind === "exact" ? instances.count : instances.kind === "max" ? "max" : instances.by,
    spec: maskedSpec(spec),
  }));

/**
 * What `velos start --dry-run` prints where systemd runs the instances: what it would be asked for.
 * @throws VelosError BACKEND_FAILED for a path of a sandbox that is not there
 */
export const dryRunUnits = async (apps: readonly ResolvedApp[], paths: Paths): Promise<string> => {
  const { askedOfSystemd } = await import("../backend/systemd/asked.ts");
  const options = {
    scope: paths.scope,
    runtimeDirectory: paths.managerRuntime ?? "/run",
    stateDirectory: paths.state,
    preload: join(__dirname, "preload.cjs"),
    version: await systemdVersion(),
  };
  const texts = apps.map(async ({ spec, instances }) =>
    askedOfSystemd(spec, applyQuantity(instances, 0, availableParallelism()), options),
  );
  return (await Promise.all(texts)).join("\n");
};

/** Major version; where it cannot be asked, one that knows everything. */
const systemdVersion = async (): Promise<number> =>
  new Promise((resolve) => {
    execFile("systemctl", ["--version"], (_, stdout) => resolve(Number(/^systemd (\d+)/.exec(stdout)?.[1] ?? 999)));
  });
