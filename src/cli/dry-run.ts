import type { ResolvedApp } from "../config/resolve.ts";
import { fingerprint } from "../domain/app.ts";
import { maskedSpec } from "../domain/masked-spec.ts";

/** What `velos start --dry-run` prints: the apps as velosd would get them. */
export const dryRunText = (apps: readonly ResolvedApp[]): string =>
  JSON.stringify(
    apps.map(({ spec, instances }) => ({
      fingerprint: fingerprint(spec),
      instances: instances.kind === "exact" ? instances.count : instances.kind === "max" ? "max" : instances.by,
      spec: maskedSpec(spec),
    })),
    null,
    2,
  );
