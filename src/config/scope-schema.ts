import { flag, oneOf, path, text } from "./kinds.ts";
import type { KeyTable } from "./schema.ts";
import { keyOf, later } from "./schema.ts";
import { collectorEndpoint, headers } from "./telemetry-kinds.ts";

/** velosd's own settings, from the top level of the scope's config file, every value parsed. */
export interface ScopeConfig {
  otelEndpoint?: string;
  otelProtocol?: "grpc" | "http/protobuf";
  otelHeaders?: Record<string, string>;
  otelServiceName?: string;
  otelMetrics?: boolean;
  /** Absolute paths of PEM files. */
  otelCertificate?: string;
  otelClientCertificate?: string;
  otelClientKey?: string;
}

const key = keyOf<ScopeConfig>();

/** The keys at the top level of the scope's config file, besides `[apps]`. */
// prettier-ignore
export const scopeKeys: KeyTable<ScopeConfig> = {
  otel_endpoint: key("otelEndpoint", collectorEndpoint, '"http://127.0.0.1:4317"', "where traces go, by OTLP; nothing of OpenTelemetry is loaded without it"),
  otel_protocol: key("otelProtocol", oneOf("grpc", "http/protobuf"), '"grpc"', "how they go there; default: http/protobuf on port 4318, else grpc"),
  otel_headers: key("otelHeaders", headers, '{ authorization = "Bearer …" }', "headers (metadata of gRPC) that the collector asks for"),
  otel_service_name: key("otelServiceName", text("a name"), '"velos-eu1"', "service.name of velosd", { standard: '"velos"' }),
  otel_metrics: key("otelMetrics", flag, "true", "send the metrics there, too", { standard: "false" }),
  otel_certificate: key("otelCertificate", path("a path"), '"/etc/velos/collector-ca.pem"', "certificate of who signed the collector's; default: those that Node trusts"),
  otel_client_certificate: key("otelClientCertificate", path("a path"), '"/etc/velos/client.pem"', "certificate that velosd shows the collector"),
  otel_client_key: key("otelClientKey", path("a path"), '"/etc/velos/client.key"', "private key of that certificate"),
  api_token: later("token of the REST API"),
  api_token_file: later("file with tokens of the REST API"),
  api_cors_origins: later("origins that browsers may call the REST API from"),
  api_tls_cert: later("certificate of the REST API"),
  api_tls_key: later("private key of that certificate"),
  idle_exit: later("time after which velosd leaves when nothing is asked of it"),
};
