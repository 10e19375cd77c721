import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import type { TelemetrySettings } from "../config/telemetry-settings.ts";
import type { Certificates, Exporters } from "./exporters.ts";

/** OTLP over HTTP, in its binary form. */
export const exporters = (settings: TelemetrySettings, certificates: Certificates): Exporters => {
  const isOwn = Object.keys(certificates).length > 0;
  const config = (url: string) => ({
    url,
    headers: { ...settings.headers },
    ...(isOwn && { httpAgentOptions: { keepAlive: true, ...certificates } }),
  });
  const { tracesUrl, metricsUrl } = settings;
  return {
    traces: new OTLPTraceExporter(config(tracesUrl)),
    ...(metricsUrl !== undefined && { metrics: new OTLPMetricExporter(config(metricsUrl)) }),
  };
};
