import { createHash, randomBytes } from "node:crypto";
import type { SpanContext } from "@opentelemetry/api";
import { TraceFlags } from "@opentelemetry/api";

/** Where a span stands: its trace, and its own id. */
export type Place = Pick<SpanContext, "traceId" | "spanId">;

const hex = (bytes: number, ...names: readonly (string | number)[]): string =>
  createHash("sha256")
    .update(JSON.stringify(names))
    .digest("hex")
    .slice(0, 2 * bytes);

/** The span of these names: the same whoever makes it, so that the next velosd goes on where the last one ended. */
export const spanIdOf = (...names: readonly (string | number)[]): string => hex(8, "span", ...names);

/** A place in a trace of its own. */
export const placeOf = (...names: readonly (string | number)[]): Place => ({
  traceId: hex(16, "trace", ...names),
  spanId: spanIdOf(...names),
});

const newId = (bytes: number): string => randomBytes(bytes).toString("hex");

/** A new place: in the trace of the parent, or in a trace of its own. */
export const newPlace = (parent?: Place): Place => ({ traceId: parent?.traceId ?? newId(16), spanId: newId(8) });

export const spanContext = ({ traceId, spanId }: Place): SpanContext => ({
  traceId,
  spanId,
  traceFlags: TraceFlags.SAMPLED,
  isRemote: true,
});

/** As the W3C writes it for those that it is handed on to. */
export const traceparentOf = ({ traceId, spanId }: Place): string => `00-${traceId}-${spanId}-01`;

/** Undefined for a text that is none. */
export const parseTraceparent = (text: string | undefined): Place | undefined => {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(text ?? "");
  return match ? { traceId: match[1]!, spanId: match[2]! } : undefined;
};

/** The trace of a rollout: its id, which `velos rollout status` shows, written without dashes. */
export const rolloutPlace = (id: string): Place => {
  const plain = id.replaceAll("-", "").toLowerCase();
  const isUsable = /^[0-9a-f]{32}$/.test(plain) && !/^0+$/.test(plain);
  return { traceId: isUsable ? plain : placeOf("rollout", id).traceId, spanId: spanIdOf("rollout", id) };
};
