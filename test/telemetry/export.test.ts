import { afterEach, describe, expect, it } from "vitest";
import type { TelemetrySettings } from "../../src/config/telemetry-settings.ts";
import { Delivery } from "../../src/telemetry/delivery.ts";
import { makeExporters } from "../../src/telemetry/exporters.ts";
import { newPlace } from "../../src/telemetry/place.ts";
import { resourceOf } from "../../src/telemetry/resource.ts";
import { SpanSink } from "../../src/telemetry/span-sink.ts";
import type { Collector } from "./collector.ts";
import { startGrpcCollector, startHttpCollector } from "./collector.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const protocols = [
  ["grpc", startGrpcCollector],
  ["http/protobuf", startHttpCollector],
] as const;

const open = async (
  collector: Collector,
  protocol: TelemetrySettings["protocol"],
): Promise<{ sink: SpanSink; delivery: Delivery; log: string[] }> => {
  closing.push(() => collector.stop());
  const log: string[] = [];
  const { traces } = await makeExporters({
    protocol,
    tracesUrl: protocol === "grpc" ? collector.url : `${collector.url}/v1/traces`,
    metricsIntervalMs: 60_000,
    headers: { "x-tenant": "t1" },
    serviceName: "velos",
  });
  const delivery = new Delivery("the collector", (line) => log.push(line));
  const resource = resourceOf({ serviceName: "velos", version: "1", hostName: "h", instanceId: "i", pid: 1 });
  return { sink: new SpanSink({ exporter: traces, delivery, resource, version: "1" }), delivery, log };
};

const span = (name: string, at = Date.now()) => ({ name, place: newPlace(), from: at - 5, to: at, attributes: {} });

describe.each(protocols)("OTLP by %s", (protocol, start) => {
  it("arrives as it was given, with headers and resource", async () => {
    const collector = await start();
    const { sink } = await open(collector, protocol);
    const [parent, link] = [newPlace(), newPlace()];
    const given = { ...span("child"), place: newPlace(parent), parent, links: [link], error: "no luck" };
    sink.add({
      ...given,
      attributes: { text: "é", number: 7, flag: true },
      events: [{ name: "e", at: given.from + 1 }],
    });
    await sink.close();
    const [received] = collector.spans;
    expect(received).toMatchObject({
      name: "child",
      traceId: parent.traceId,
      spanId: given.place.spanId,
      parentId: parent.spanId,
      from: given.from,
      to: given.to,
      attributes: { text: "é", number: 7, flag: true },
      events: [{ name: "e", at: given.from + 1 }],
      links: [link],
      status: 2,
      message: "no luck",
      resource: { "service.name": "velos", "host.name": "h", "telemetry.sdk.name": "opentelemetry" },
      scope: "velos",
    });
    expect(collector.headers["x-tenant"]).toBe("t1");
  });

  it("is bounded when nothing is taken, and says so once; later spans arrive when it is again", async () => {
    const collector = await start();
    const { sink, delivery, log } = await open(collector, protocol);
    collector.refuse = protocol === "grpc" ? 7 : 403;
    for (let count = 0; count < 20_000; count++) sink.add(span(`lost ${count}`));
    expect(delivery).toMatchObject({ waiting: 1024, lost: 20_000 - 1024 });
    await expect.poll(() => delivery.waiting, { timeout: 20_000 }).toBe(0);
    expect(delivery).toMatchObject({ sent: 0, lost: 20_000 });
    expect(log).toEqual([expect.stringMatching(/^telemetry: the collector does not take it: \S/)]);
    collector.refuse = undefined;
    sink.add(span("found"));
    await collector.span("found", ({ name }) => name === "found");
    // It has arrived before its answer has.
    await sink.close();
    expect(log).toEqual([expect.any(String), "telemetry: the collector takes it again"]);
    expect(delivery).toMatchObject({ sent: 1, lost: 20_000, waiting: 0 });
  });
});
