import type { Result } from "../api/operations.ts";
import type { Connection } from "../client/connection.ts";
import type { ResolvedApp } from "../config/resolve.ts";
import type { AppView } from "../controller/views.ts";
import type { AppSpec } from "../domain/app.ts";
import { VelosError } from "../domain/errors.ts";
import { quantityText } from "../domain/quantity.ts";
import { withProgress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** What became of an app that was started; `before` is the app as it was, if it was there. */
export interface StartedApp {
  app: AppView;
  outcome: Result<"start">["outcome"];
  before: AppView | undefined;
  spec: AppSpec;
}

/** An app that did not come up, or was not changed. */
export interface FailedApp {
  name: string;
  error: VelosError;
}

/**
 * Starts apps one after the other, and tells of each when it is done; those to be left are told of as they are. One that fails keeps none of the others from being
 * started; only when velosd cannot be asked any more there is nothing to go on with.
 */
export async function* startApps(
  terminal: Terminal,
  daemon: Connection,
  apps: readonly ResolvedApp[],
  left: readonly string[] = [],
): AsyncGenerator<StartedApp | FailedApp> {
  const before = new Map((await daemon.call("list", {})).apps.map((app) => [app.name, app]));
  for (const { spec, instances, instancesGiven } of apps) {
    const found = before.get(spec.name);
    if (found && left.includes(spec.name)) {
      yield { app: found, outcome: "unchanged", before: found, spec };
      continue;
    }
    const count = instancesGiven ? { instances: quantityText(instances) } : {};
    try {
      const { app, outcome } = await withProgress(terminal, daemon, () => daemon.call("start", { spec, ...count }));
      yield { app, outcome, before: found, spec };
    } catch (error) {
      if (!(error instanceof VelosError)) throw error;
      yield { name: spec.name, error };
      if (error.exitCode === UNREACHABLE) return;
    }
  }
}

/** Exit code of the errors that are about velosd and not about an app. */
const UNREACHABLE = 4;
