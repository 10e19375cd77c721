import { credentials, Metadata } from "@grpc/grpc-js";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import type { TelemetrySettings } from "../config/telemetry-settings.ts";
import type { Certificates, Exporters } from "./exporters.ts";

/** OTLP over gRPC. */
export const exporters = (settings: TelemetrySettings, { ca, cert, key }: Certificates): Exporters => {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(settings.headers)) metadata.set(name, value);
  const isOwn = ca !== undefined || cert !== undefined;
  const config = (url: string) => ({
    url,
    metadata,
    // Without certificates of its own the exporter goes by the URL, and by OpenTelemetry's variables.
    ...(isOwn && new URL(url).protocol === "https:" && { credentials: credentials.createSsl(ca, key, cert) }),
  });
  const { tracesUrl, metricsUrl } = settings;
  return {
    traces: new OTLPTraceExporter(config(tracesUrl)),
    ...(metricsUrl !== undefined && { metrics: new OTLPMetricExporter(config(metricsUrl)) }),
  };
};
