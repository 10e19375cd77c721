import type { ApiToken } from "./api-tokens.ts";
import { apiTokens } from "./api-tokens.ts";
import { duration, flag, integer, oneOf, path, text } from "./kinds.ts";
import { list } from "./list-kinds.ts";
import type { Kind } from "./kinds.ts";
import { Misfit } from "./misfit.ts";
import type { KeyTable } from "./schema.ts";
import { keyOf } from "./schema.ts";
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
  apiTokens?: ApiToken[];
  /** Absolute. */
  apiTokenFile?: string;
  apiHosts?: string[];
  apiCorsOrigins?: string[];
  apiRateLimit?: number;
  /** Absolute paths of PEM files. */
  apiTlsCert?: string;
  apiTlsKey?: string;
  /** 0: never. */
  idleExitMs?: number;
}

const key = keyOf<ScopeConfig>();

/** Where a page comes from, as browsers write it. */
const webOrigin: Kind<string> = {
  expects: "an origin, such as https://ops.example.com",
  json: { type: "string" },
  read: (value) => {
    if (typeof value !== "string" || !URL.canParse(value)) throw new Misfit();
    const { origin, protocol } = new URL(value);
    if (!/^https?:$/.test(protocol) || value.replace(/\/$/, "").toLowerCase() !== origin) throw new Misfit();
    return origin;
  },
};

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
  api_token: key("apiTokens", apiTokens, '[{ name = "dashboard", scope = "read", token = "5f2c9d" }]', "who may use `velos api`: one token for everything, or several with a scope: read, operate or admin"),
  api_token_file: key("apiTokenFile", path("a path"), '"api-tokens"', "file with more tokens, a line each: name, scope, token; not for everybody to read"),
  api_hosts: key("apiHosts", list("an array of names", text("a name")), '["velos.example.com"]', "names by which `velos api` is called, besides its addresses and localhost"),
  api_cors_origins: key("apiCorsOrigins", list("an array of origins", webOrigin), '["https://ops.example.com"]', "origins whose pages may use `velos api`"),
  api_rate_limit: key("apiRateLimit", integer(0, 10_000_000), "6000", "requests a minute and client of `velos api`, besides those answered from memory; 0: any number", { standard: "6000" }),
  api_tls_cert: key("apiTlsCert", path("a path"), '"/etc/velos/api.pem"', "certificate of `velos api`, with those that signed it"),
  api_tls_key: key("apiTlsKey", path("a path"), '"/etc/velos/api.key"', "private key of that certificate"),
  idle_exit: key("idleExitMs", duration(), '"60s"', "how long nothing may be asked of velosd before it leaves, and its socket stays to wake it; 0: it never leaves", { standard: '"60s"' }),
};
