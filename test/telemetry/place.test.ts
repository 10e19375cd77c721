import fc from "fast-check";
import { expect, it } from "vitest";
import { newPlace, parseTraceparent, placeOf, rolloutPlace, traceparentOf } from "../../src/telemetry/place.ts";

const isPlace = { traceId: expect.stringMatching(/^[0-9a-f]{32}$/), spanId: expect.stringMatching(/^[0-9a-f]{16}$/) };

it("a place is written as the W3C writes it, and read back", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.integer())), (names) => {
      const place = placeOf(...names);
      expect(place).toEqual(isPlace);
      expect(parseTraceparent(traceparentOf(place))).toEqual(place);
      expect(placeOf(...names)).toEqual(place);
    }),
  );
});

it("places of different names differ, however the names are cut", () => {
  expect(placeOf("a", "bc")).not.toEqual(placeOf("ab", "c"));
  expect(placeOf("a", 1)).not.toEqual(placeOf("a", "1"));
});

it("the trace of a rollout is its id; one of another kind still has a trace", () => {
  expect(rolloutPlace("0B7F4f0e-6a3c-4f3e-9b61-0d9ab7d3c111").traceId).toBe("0b7f4f0e6a3c4f3e9b610d9ab7d3c111");
  for (const id of ["", "x", "00000000-0000-0000-0000-000000000000"]) {
    expect(rolloutPlace(id)).toEqual(isPlace);
    expect(rolloutPlace(id).traceId).not.toMatch(/^0+$/);
  }
});

it("a new place is in its parent's trace, or in one of its own", () => {
  const parent = newPlace();
  expect(newPlace(parent)).toEqual({ traceId: parent.traceId, spanId: isPlace.spanId });
  expect(newPlace(parent).spanId).not.toBe(parent.spanId);
  expect(newPlace().traceId).not.toBe(parent.traceId);
});

it("what is no trace context is none", () => {
  for (const text of [undefined, "", "00-x-y-01", "01-" + "a".repeat(32) + "-" + "b".repeat(16) + "-01"])
    expect(parseTraceparent(text)).toBeUndefined();
});
