import { exportCompose } from "./compose.ts";
import type { ExportApp, Exported, ExportOptions } from "./exported.ts";
import { exportKubernetes } from "./kubernetes.ts";
import { exportNomad } from "./nomad.ts";
import type { UnitOptions } from "./systemd.ts";
import { exportSystemd } from "./systemd.ts";

export type { ExportApp, Exported, ExportFile, ExportRemark } from "./exported.ts";
export { PRELOAD } from "./systemd.ts";

/** Where an app can go. */
export const exportTargets = ["kubernetes", "nomad", "systemd", "compose"] as const;
export type ExportTarget = (typeof exportTargets)[number];

/** What the apps would be there. */
export const exportApps = (
  target: ExportTarget,
  apps: readonly ExportApp[],
  options: ExportOptions & UnitOptions,
): Exported => {
  switch (target) {
    case "kubernetes":
      return exportKubernetes(apps, options);
    case "nomad":
      return exportNomad(apps, options);
    case "systemd":
      return exportSystemd(apps, options);
    case "compose":
      return exportCompose(apps, options);
  }
};
