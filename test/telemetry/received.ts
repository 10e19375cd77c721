import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

const root = protobuf.loadSync(fileURLToPath(new URL("otlp.proto", import.meta.url)));

/** The messages of OTLP, by name. */
export const messages = {
  traces: root.lookupType("otlp.ExportTraceServiceRequest"),
  metrics: root.lookupType("otlp.ExportMetricsServiceRequest"),
};

type Value = string | number | boolean | Value[];
export type Attributes = Record<string, Value>;

/** A span as it arrived; times in milliseconds since the epoch. */
export interface ReceivedSpan {
  name: string;
  traceId: string;
  spanId: string;
  /** Empty of a root. */
  parentId: string;
  from: number;
  to: number;
  attributes: Attributes;
  events: { name: string; at: number; attributes: Attributes }[];
  links: { traceId: string; spanId: string }[];
  /** 0 unset, 1 ok, 2 error. */
  status: number;
  message: string;
  resource: Attributes;
  scope: string;
}

/** One point of a metric: of a histogram its count is the value. */
export interface ReceivedPoint {
  metric: string;
  unit: string;
  kind: "gauge" | "sum" | "histogram";
  attributes: Attributes;
  value: number;
  start: number;
  buckets?: { bounds: number[]; counts: number[]; sum: number };
  resource: Attributes;
}

/* eslint-disable @typescript-eslint/no-explicit-any -- what protobufjs decodes has no types */
type Raw = any;

const decode = (type: protobuf.Type, bytes: Uint8Array): Raw =>
  type.toObject(type.decode(bytes), { longs: String, bytes: String, arrays: true, defaults: true, oneofs: true });

const hex = (base64: string): string => Buffer.from(base64, "base64").toString("hex");
const ms = (nanos: string): number => Number(BigInt(nanos) / 1000n) / 1000;

const valueOf = (value: Raw): Value => {
  if (value.value === "arrayValue") return (value.arrayValue.values as Raw[]).map(valueOf);
  return value.value === "intValue" ? Number(value.intValue) : value[value.value];
};
const attributesOf = (pairs: Raw[]): Attributes =>
  Object.fromEntries(pairs.map(({ key, value }: Raw) => [key, valueOf(value)]));

export const readSpans = (bytes: Uint8Array): ReceivedSpan[] =>
  (decode(messages.traces, bytes).resourceSpans as Raw[]).flatMap(({ resource, scopeSpans }: Raw) =>
    (scopeSpans as Raw[]).flatMap(({ scope, spans }: Raw) =>
      (spans as Raw[]).map((span: Raw): ReceivedSpan => ({
        name: span.name,
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        parentId: hex(span.parentSpanId),
        from: ms(span.startTimeUnixNano),
        to: ms(span.endTimeUnixNano),
        attributes: attributesOf(span.attributes),
        events: (span.events as Raw[]).map((event: Raw) => ({
          name: event.name,
          at: ms(event.timeUnixNano),
          attributes: attributesOf(event.attributes),
        })),
        links: (span.links as Raw[]).map((link: Raw) => ({ traceId: hex(link.traceId), spanId: hex(link.spanId) })),
        status: span.status?.code ?? 0,
        message: span.status?.message ?? "",
        resource: attributesOf(resource.attributes),
        scope: scope.name,
      })),
    ),
  );

export const readPoints = (bytes: Uint8Array): ReceivedPoint[] =>
  (decode(messages.metrics, bytes).resourceMetrics as Raw[]).flatMap(({ resource, scopeMetrics }: Raw) =>
    (scopeMetrics as Raw[]).flatMap(({ metrics }: Raw) =>
      (metrics as Raw[]).flatMap((metric: Raw) =>
        (metric[metric.data].dataPoints as Raw[]).map((point: Raw): ReceivedPoint => ({
          metric: metric.name,
          unit: metric.unit,
          kind: metric.data,
          attributes: attributesOf(point.attributes),
          value: metric.data === "histogram" ? Number(point.count) : Number(point[point.value]),
          start: ms(point.startTimeUnixNano),
          ...(metric.data === "histogram" && {
            buckets: {
              bounds: point.explicitBounds,
              counts: (point.bucketCounts as string[]).map(Number),
              sum: point.sum,
            },
          }),
          resource: attributesOf(resource.attributes),
        })),
      ),
    ),
  );
