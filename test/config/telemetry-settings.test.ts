import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadScopeConfig } from "../../src/config/load-scope.ts";
import { telemetrySettings } from "../../src/config/telemetry-settings.ts";
import { isTelemetryVariable } from "../../src/config/telemetry-variables.ts";
import { VelosError } from "../../src/domain/errors.ts";
import { errorOf } from "./error-of.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "velos-otel-"));
});
afterEach(() => rm(directory, { recursive: true }));

const read = async (toml: string) => {
  const file = join(directory, "velos.toml");
  await writeFile(file, toml);
  return loadScopeConfig(file);
};

const refusal = (env: Record<string, string>): string => {
  try {
    telemetrySettings({}, env);
  } catch (error) {
    if (error instanceof VelosError) return `${error.message} | ${error.hint}`;
    throw error;
  }
  return "";
};

describe("telemetrySettings", () => {
  it("is nothing without an endpoint, or where telemetry is turned off for all", async () => {
    expect(telemetrySettings({}, {})).toBeUndefined();
    expect(telemetrySettings({ otelMetrics: true }, { OTEL_EXPORTER_OTLP_ENDPOINT: "" })).toBeUndefined();
    expect(telemetrySettings({ otelEndpoint: "http://a:1" }, { OTEL_SDK_DISABLED: "true" })).toBeUndefined();
  });

  it("takes the keys of the file", async () => {
    const config = await read(`
otel_endpoint = "https://collector.example:443/"
otel_protocol = "http/protobuf"
otel_headers = { Authorization = "Bearer t" }
otel_service_name = "velos-eu1"
otel_metrics = true
otel_certificate = "ca.pem"
`);
    expect(telemetrySettings(config, {})).toEqual({
      protocol: "http/protobuf",
      tracesUrl: "https://collector.example/v1/traces",
      metricsUrl: "https://collector.example/v1/metrics",
      metricsIntervalMs: 60_000,
      headers: { authorization: "Bearer t" },
      serviceName: "velos-eu1",
      certificate: join(directory, "ca.pem"),
    });
  });

  it.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4317" }, "grpc", "http://127.0.0.1:4317"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" }, "http/protobuf", "http://127.0.0.1:4318/v1/traces"],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "http://a:9000/otlp", OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" },
      "http/protobuf",
      "http://a:9000/otlp/v1/traces",
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "http://a:4318", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://b:4318/traces" },
      "http/protobuf",
      "http://b:4318/traces",
    ],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://b:4317" }, "grpc", "http://b:4317"],
  ])("takes %j as the specification has it", (env, protocol, tracesUrl) => {
    expect(telemetrySettings({}, env)).toMatchObject({ protocol, tracesUrl });
  });

  it("lets the file win over the environment", () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://env:4318",
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://env:4318/t",
    };
    const settings = telemetrySettings({ otelEndpoint: "http://file:4317", otelMetrics: true }, env);
    expect(settings).toMatchObject({ protocol: "grpc", tracesUrl: "http://file:4317", metricsUrl: "http://file:4317" });
  });

  it("says in one line which variable is wrong", () => {
    expect(refusal({ OTEL_EXPORTER_OTLP_ENDPOINT: "localhost:4317" })).toBe(
      'OTEL_EXPORTER_OTLP_ENDPOINT: should be the URL of a collector, http:// or https://, such as http://127.0.0.1:4317, not "localhost:4317" | change this variable of velosd\'s environment, or set otel_endpoint in its config file',
    );
    const there = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://a:4317" };
    expect(refusal({ ...there, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" })).toBe(
      'OTEL_EXPORTER_OTLP_PROTOCOL: should be grpc or http/protobuf, not "http/json" | every collector takes both',
    );
    expect(refusal({ ...there, OTEL_METRIC_EXPORT_INTERVAL: "1m" })).toContain(
      "OTEL_METRIC_EXPORT_INTERVAL: should be",
    );
  });
});

it.each([
  ['otel_endpoint = "127.0.0.1:4317"', "otel_endpoint should be the URL of a collector"],
  ['otel_endpoint = "http://"', "otel_endpoint should be the URL of a collector"],
  ['otel_endpoint = "ftp://a"', "otel_endpoint should be the URL of a collector"],
  ['otel_endpoint = "http://a:99999"', "otel_endpoint should be the URL of a collector"],
  ['otel_endpoint = "http://me:secret@a"', "otel_endpoint: it has a user's name in it"],
  ['otel_protocol = "http/json"', 'otel_protocol should be "grpc" or "http/protobuf", not "http/json"'],
  ['otel_headers = { "a b" = "x" }', 'otel_headers: "a b" cannot be a header\'s name'],
  ['otel_headers = { "x-bin" = "x" }', 'otel_headers: "x-bin" cannot be a header\'s name'],
  ['otel_headers = { a = "x\\ny" }', "otel_headers: a should be a text of plain characters"],
  ['otel_headers = "a=b"', 'otel_headers should be a table of headers, not "a=b"'],
  ['otel_metrics = "yes"', 'otel_metrics should be true or false, not "yes"'],
])("refuses %s, and does not show a header's value", async (toml, message) => {
  const [code, text] = await errorOf(read(toml));
  expect([code, text]).toEqual(["CONFIG_INVALID", expect.stringContaining(message)]);
});

it("knows the variables that velosd reads", () => {
  expect(
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_METRIC_EXPORT_INTERVAL"].every(isTelemetryVariable),
  ).toBe(true);
  // Of an app that velos is called from.
  expect(
    ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "TRACEPARENT", "XOTEL_SDK_DISABLED"].some(isTelemetryVariable),
  ).toBe(false);
});
