import { formatDuration } from "../config/duration.ts";
import type { ScopeConfig } from "../config/scope-schema.ts";
import type { TelemetrySettings } from "../config/telemetry-settings.ts";

export interface ReloadOptions {
  /** The scope's config file. */
  config: string;
  env: Readonly<Record<string, string | undefined>>;
  /** What telemetry was started with; undefined: with nothing. */
  telemetry: TelemetrySettings | undefined;
  /** Applies `idle_exit`, as it is or by its default; what it comes to, or undefined where velosd never leaves anyway. */
  idleExit: (ms: number | undefined) => number | undefined;
  log: (line: string) => void;
}

/**
 * Reads the scope's config file again (SIGHUP, `systemctl reload velosd`), and says what of it applies from when. A file
 * with a mistake changes nothing.
 */
export const reloadConfig = async ({ config, env, telemetry, idleExit, log }: ReloadOptions): Promise<void> => {
  let settings: ScopeConfig;
  let wanted: TelemetrySettings | undefined;
  try {
    const { loadScopeConfig } = await import("../config/load-scope.ts");
    const { loadTelemetry } = await import("../config/load-telemetry.ts");
    settings = await loadScopeConfig(config);
    wanted = await loadTelemetry(config, env);
  } catch (error) {
    // From another bundle: its class is not the one that is known here.
    if (!(error instanceof Error) || error.name !== "VelosError") throw error;
    const { hint } = error as Error & { hint?: string };
    log(`reload: nothing was changed: ${error.message}${hint ? `; ${hint}` : ""}`);
    return;
  }
  const idleMs = idleExit(settings.idleExitMs);
  const parts = [
    idleMs === undefined
      ? "idle_exit does not apply to this velosd"
      : `idle_exit is ${idleMs === 0 ? "never" : formatDuration(idleMs)} from now on`,
    JSON.stringify(wanted) === JSON.stringify(telemetry)
      ? "otel_… is as it was"
      : "otel_… has changed and applies when velosd is started anew (`velos kill && velos ping`)",
    "`velos api` reads api_… when it starts",
  ];
  log(`reload: ${config} was read: ${parts.join("; ")}`);
};
