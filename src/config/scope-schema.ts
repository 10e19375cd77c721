import type { KeyTable } from "./schema.ts";
import { later } from "./schema.ts";

/** velosd's own settings, from the top level of the scope's config file. No setting has landed yet. */
export type ScopeConfig = Record<string, never>;

/** The keys at the top level of the scope's config file, besides `[apps]`. */
export const scopeKeys: KeyTable<ScopeConfig> = {
  otel_endpoint: later("where traces go, such as http://127.0.0.1:4317"),
  otel_protocol: later("grpc or http/protobuf"),
  otel_headers: later("headers for the endpoint"),
  otel_service_name: later("service.name of velos itself"),
  otel_metrics: later("send metrics there too"),
  api_token: later("token of the REST API"),
  api_token_file: later("file with tokens of the REST API"),
  api_cors_origins: later("origins that browsers may call the REST API from"),
  api_tls_cert: later("certificate of the REST API"),
  api_tls_key: later("private key of that certificate"),
  idle_exit: later("time after which velosd leaves when nothing is asked of it"),
};
