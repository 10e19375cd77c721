import fc from "fast-check";
import { expect, test } from "vitest";
import { applyQuantity, MAX_INSTANCES, parseQuantity } from "../../src/domain/quantity.ts";

test.each([
  ["4", 2, 4],
  [" 4 ", 2, 4],
  ["+2", 2, 4],
  ["-1", 2, 1],
  ["max", 2, 8],
  ["1000", 1, 1000],
  ["+999", 1, 1000],
])("scale api %s with %i instances gives %i", (text, current, count) => {
  expect(applyQuantity(parseQuantity(text), current, 8)).toBe(count);
});

test.each([
  "",
  "0",
  "00",
  "+0",
  "-0",
  "1001",
  "+1001",
  "10000",
  "9".repeat(400),
  "1.5",
  "1e3",
  "0x4",
  "four",
  "+",
  "--1",
  "Max",
  "٣",
])("%j is not a number of instances", (text) =>
  expect(() => parseQuantity(text)).toThrow(expect.objectContaining({ code: "QUANTITY_INVALID", exitCode: 2 })),
);

test("a new app needs a number, not a difference", () => {
  expect(() => parseQuantity("-1", false)).toThrow(/a new app needs a number/);
  expect(() => parseQuantity("+2", false)).toThrow(/a new app needs a number/);
  expect(parseQuantity("max", false)).toEqual({ kind: "max" });
});

test("nothing scales below 1 or above the limit", () => {
  expect(() => applyQuantity(parseQuantity("-2"), 2, 8)).toThrow(/there are 2, and an app has at least one/);
  expect(() => applyQuantity(parseQuantity("+1"), MAX_INSTANCES, 8)).toThrow(/1000 is the limit/);
  expect(applyQuantity({ kind: "max" }, 1, 0)).toBe(1);
});

test("whatever is parsed and applied is from 1 to the limit", () => {
  const text = fc.oneof(
    fc.integer({ min: -1100, max: 1100 }).map((n) => (n < 0 ? String(n) : `+${n}`)),
    fc.nat(1100).map(String),
  );
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: MAX_INSTANCES }), (value, current) => {
      try {
        const count = applyQuantity(parseQuantity(value), current, 4);
        expect(count).toBeGreaterThanOrEqual(1);
        expect(count).toBeLessThanOrEqual(MAX_INSTANCES);
      } catch (error) {
        expect(error).toMatchObject({ code: "QUANTITY_INVALID" });
      }
    }),
  );
});
