import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Paths } from "../config/paths.ts";
import type { TelemetrySettings } from "../config/telemetry-settings.ts";
import type { Telemetry } from "../telemetry/main.ts";

/** How much longer velosd stays for telemetry that a collector does not take. */
const PATIENCE_MS = 1500;

export interface OpenTelemetryOptions {
  paths: Paths;
  env: Readonly<Record<string, string | undefined>>;
  version: string;
  place: string;
  isSystemd: boolean;
  snapshot: () => Promise<string>;
  report: (line: string) => void;
}

/**
 * Telemetry, where an endpoint is configured; else nothing of it is loaded. A mistake in the settings is a problem that
 * velosd tells, not one that keeps it from managing apps.
 */
export const openTelemetry = async (
  options: OpenTelemetryOptions,
): Promise<{ telemetry?: Telemetry; settings?: TelemetrySettings; problem?: string }> => {
  const { paths, env } = options;
  if (!isMentioned(paths.config, env)) return {};
  try {
    const { loadTelemetry } = await import("../config/load-telemetry.ts");
    const settings = await loadTelemetry(paths.config, env);
    if (!settings) return {};
    const { startTelemetry } = await import("../telemetry/main.ts");
    return { telemetry: await startTelemetry({ ...options, settings, hostName: hostname() }), settings };
  } catch (error) {
    // From another bundle: its class is not the one that is known here.
    if (!(error instanceof Error) || error.name !== "VelosError") throw error;
    const { hint } = error as Error & { hint?: string };
    return { problem: `no telemetry: ${error.message}${hint ? `; ${hint}` : ""}` };
  }
};

/** False where there can be no settings for it: then what reads settings is not loaded either. */
const isMentioned = (config: string, env: OpenTelemetryOptions["env"]): boolean => {
  if (env["OTEL_EXPORTER_OTLP_ENDPOINT"] || env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]) return true;
  try {
    return readFileSync(config, "utf8").includes("otel_");
  } catch (error) {
    // One that is there and cannot be read is told of.
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
};

/** Sends what is left, within a time that nobody minds. */
export const closeTelemetry = async (telemetry: Telemetry | undefined): Promise<void> => {
  if (!telemetry) return;
  const patience = new AbortController();
  const limit = delay(PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => {});
  await Promise.race([telemetry.close(), limit]);
  patience.abort();
};
