import type { Result } from "../api/operations.ts";
import type { Connection } from "../client/connection.ts";
import type { ResolvedApp } from "../config/resolve.ts";
import type { AppView } from "../controller/views.ts";
import { quantityText } from "../domain/quantity.ts";
import { withProgress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** What became of an app that was started; `before` is the app as it was, if it was there. */
export interface StartedApp {
  app: AppView;
  outcome: Result<"start">["outcome"];
  before: AppView | undefined;
}

/** Starts apps one after the other, and tells of each when it is done. */
export async function* startApps(
  terminal: Terminal,
  daemon: Connection,
  apps: readonly ResolvedApp[],
): AsyncGenerator<StartedApp> {
  const before = new Map((await daemon.call("list", {})).apps.map((app) => [app.name, app]));
  for (const { spec, instances, instancesGiven } of apps) {
    const count = instancesGiven ? { instances: quantityText(instances) } : {};
    const { app, outcome } = await withProgress(terminal, daemon, () => daemon.call("start", { spec, ...count }));
    yield { app, outcome, before: before.get(app.name) };
  }
}
