import { loadScopeConfig } from "./load-scope.ts";
import type { TelemetrySettings } from "./telemetry-settings.ts";
import { telemetrySettings } from "./telemetry-settings.ts";

/**
 * Where telemetry goes, by the scope's config file and the environment; undefined where it is not to be sent.
 * @throws VelosError CONFIG_INVALID, CONFIG_NOT_FOUND
 */
export const loadTelemetry = async (
  config: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<TelemetrySettings | undefined> => telemetrySettings(await loadScopeConfig(config), env);
