import { basename } from "node:path";
import type { MetricsSnapshot } from "../api/metrics-schema.ts";
import type { InstanceRow } from "../domain/snapshot.ts";
import { column } from "../domain/snapshot.ts";
import type { Family } from "./exposition.ts";

/** What runs, in labels; its value is always 1. */
export const infoFamily: Family = {
  name: "velos_process_info",
  type: "info",
  help: "What runs: unit, backend, interpreter, the app's version, and the fingerprint of its spec.",
};

export const infoLabels = (row: InstanceRow, { apps, daemon }: MetricsSnapshot): Record<string, string> => {
  const app = apps[row[column.app] as number]!;
  return {
    name: app.name,
    instance: String(row[column.index]),
    unit: String(row[column.unit]),
    backend: daemon.backend,
    // It may have been given as a path.
    interpreter: basename(app.interpreter),
    version: String(row[column.version]),
    spec: String(row[column.spec]),
  };
};
