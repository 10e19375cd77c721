import { VelosError } from "../domain/errors.ts";
import { Misfit } from "./misfit.ts";
import type { ScopeConfig } from "./scope-schema.ts";
import { collectorEndpoint, collectorUrl } from "./telemetry-kinds.ts";

export type TelemetryProtocol = "grpc" | "http/protobuf";

/** Where telemetry goes and how. Timeout, compression and further headers are read by OpenTelemetry's own variables. */
export interface TelemetrySettings {
  protocol: TelemetryProtocol;
  /** Of gRPC the collector's address, of HTTP the whole URL for the signal. */
  tracesUrl: string;
  /** Absent: metrics are not sent. */
  metricsUrl?: string;
  metricsIntervalMs: number;
  headers: Readonly<Record<string, string>>;
  serviceName: string;
  /** Absolute paths of PEM files. */
  certificate?: string;
  clientCertificate?: string;
  clientKey?: string;
}

/** The port that OTLP over HTTP is known by. */
const HTTP_PORT = "4318";
/** As the specification of OpenTelemetry has it. */
const METRICS_INTERVAL_MS = 60_000;

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The settings of telemetry, from the scope's config file and from the environment as the specification of
 * OpenTelemetry names it; the file wins. Undefined: there is no endpoint, or OTEL_SDK_DISABLED is true.
 * @throws VelosError CONFIG_INVALID for a variable with a wrong value
 */
export const telemetrySettings = (config: ScopeConfig, env: Env): TelemetrySettings | undefined => {
  if (env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") return undefined;
  const base = config.otelEndpoint ?? urlIn(env, "OTEL_EXPORTER_OTLP_ENDPOINT");
  const own = (signal: string): string | undefined =>
    config.otelEndpoint === undefined ? urlIn(env, `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`) : undefined;
  const traces = own("TRACES");
  const metrics = own("METRICS");
  const first = traces ?? base;
  if (first === undefined) return undefined;
  const protocol =
    config.otelProtocol ?? protocolIn(env) ?? (new URL(first).port === HTTP_PORT ? "http/protobuf" : "grpc");
  const urlOf = (whole: string | undefined, path: string): string =>
    whole ?? (protocol === "grpc" ? base! : `${base!}/v1/${path}`);
  const sendsMetrics = config.otelMetrics === true && (metrics ?? base) !== undefined;
  return {
    protocol,
    tracesUrl: urlOf(traces, "traces"),
    ...(sendsMetrics && { metricsUrl: urlOf(metrics, "metrics") }),
    metricsIntervalMs: intervalIn(env),
    headers: config.otelHeaders ?? {},
    serviceName: config.otelServiceName ?? "velos",
    ...(config.otelCertificate !== undefined && { certificate: config.otelCertificate }),
    ...(config.otelClientCertificate !== undefined && { clientCertificate: config.otelClientCertificate }),
    ...(config.otelClientKey !== undefined && { clientKey: config.otelClientKey }),
  };
};

const wrong = (name: string, why: string, hint: string): VelosError =>
  new VelosError("CONFIG_INVALID", { where: name, why, hint });

const urlIn = (env: Env, name: string): string | undefined => {
  const value = env[name];
  if (!value) return undefined;
  try {
    return collectorUrl(value);
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    const why = error.why ?? `should be ${collectorEndpoint.expects}, not ${JSON.stringify(value)}`;
    throw wrong(name, why, "change this variable of velosd's environment, or set otel_endpoint in its config file");
  }
};

const protocolIn = (env: Env): TelemetryProtocol | undefined => {
  for (const name of ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]) {
    const value = env[name];
    if (!value) continue;
    if (value === "grpc" || value === "http/protobuf") return value;
    throw wrong(name, `should be grpc or http/protobuf, not ${JSON.stringify(value)}`, "every collector takes both");
  }
  return undefined;
};

const intervalIn = (env: Env): number => {
  const name = "OTEL_METRIC_EXPORT_INTERVAL";
  const value = env[name];
  if (!value) return METRICS_INTERVAL_MS;
  const ms = Number(value);
  if (Number.isInteger(ms) && ms >= 100 && ms <= 86_400_000) return ms;
  throw wrong(
    name,
    `should be a number of milliseconds, not ${JSON.stringify(value)}`,
    `for example ${METRICS_INTERVAL_MS}`,
  );
};
