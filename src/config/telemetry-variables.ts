/** The variables of OpenTelemetry that velosd reads for itself; those that name a service are of the apps. */
export const isTelemetryVariable = (name: string): boolean =>
  /^OTEL_(?:EXPORTER_OTLP_\w+|METRIC_EXPORT_\w+|SDK_DISABLED)$/.test(name);

/** True for one that carries secrets as often as not. */
export const isSecretVariable = (name: string): boolean => name.endsWith("_HEADERS");
