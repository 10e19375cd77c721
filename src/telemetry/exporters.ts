import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { PushMetricExporter } from "@opentelemetry/sdk-metrics";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { TelemetrySettings } from "../config/telemetry-settings.ts";
import { VelosError } from "../domain/errors.ts";

/** What sends telemetry; `metrics` where they are to be sent. */
export interface Exporters {
  traces: SpanExporter;
  metrics?: PushMetricExporter;
}

/** What proves who talks to whom, as it is in the files. */
export interface Certificates {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
}

/**
 * Exporters for a protocol: what the other one needs is not loaded.
 * @throws VelosError CONFIG_INVALID when a certificate cannot be read or used
 */
export const makeExporters = async (settings: TelemetrySettings): Promise<Exporters> => {
  const certificates = await readCertificates(settings);
  check(certificates);
  const { exporters } = settings.protocol === "grpc" ? await import("./otlp-grpc.ts") : await import("./otlp-http.ts");
  return exporters(settings, certificates);
};

const PEM_HINT = "they are files in PEM format, a certificate and its own key";

/** Says now what would make each connection fail. */
const check = ({ ca, cert, key }: Certificates): void => {
  try {
    // A context takes anything for the certificate of an authority, and then trusts nobody.
    if (ca) new X509Certificate(ca);
    if (cert && key) createSecureContext({ cert, key });
  } catch (error) {
    const why = `the certificates for the collector cannot be used: ${(error as Error).message}`;
    throw new VelosError("CONFIG_INVALID", { where: "otel_certificate", why, hint: PEM_HINT }, { cause: error });
  }
};

const readCertificates = async ({
  certificate,
  clientCertificate,
  clientKey,
}: TelemetrySettings): Promise<Certificates> => {
  if ((clientCertificate === undefined) !== (clientKey === undefined)) {
    throw new VelosError("CONFIG_INVALID", {
      where: clientKey === undefined ? "otel_client_certificate" : "otel_client_key",
      why: "a client's certificate and its key go together",
      hint: "set otel_client_certificate and otel_client_key, or neither",
    });
  }
  const [ca, cert, key] = await Promise.all([
    read("otel_certificate", certificate),
    read("otel_client_certificate", clientCertificate),
    read("otel_client_key", clientKey),
  ]);
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
};

const read = async (where: string, path: string | undefined): Promise<Buffer | undefined> => {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (error) {
    const why = `cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`;
    throw new VelosError("CONFIG_INVALID", { where, why, hint: PEM_HINT }, { cause: error });
  }
};
