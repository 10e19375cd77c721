import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, MAX_DURATION_MS, parseDuration } from "../../src/config/duration.ts";

describe("parseDuration", () => {
  it.each([
    ["0", 0],
    ["1500", 1500],
    ["100ms", 100],
    ["5s", 5000],
    ["1.5s", 1500],
    ["2m", 120_000],
    ["2min", 120_000],
    ["1h30m", 5_400_000],
    ["1h 30m", 5_400_000],
    [" 1d ", 86_400_000],
  ])("reads %s", (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(["", "-1", "5 parsecs", "s", "1.5", "1,5s", "5s!", "1e3", "5S", "constructor", "1constructor", "∞"])(
    "refuses %s",
    (text) => expect(parseDuration(text)).toBeUndefined(),
  );

  it("reads back what formatDuration writes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX_DURATION_MS }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });

  it("adds up parts in any order", () => {
    const part = fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.constantFrom("ms", "s", "m", "h", "d"));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
        const sum = parts.reduce((total, [count, unit]) => total + parseDuration(`${count}${unit}`)!, 0);
        expect(parseDuration(parts.map(([count, unit]) => `${count}${unit}`).join(""))).toBe(sum);
      }),
    );
  });

  it("never takes arbitrary text for anything but a whole number of milliseconds", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = parseDuration(text);
        expect(ms === undefined || (Number.isInteger(ms) && ms >= 0)).toBe(true);
      }),
    );
  });
});

describe("formatDuration", () => {
  it.each([
    [0, "0"],
    [1, "1ms"],
    [5_400_000, "1h30m"],
    [90_061_001, "1d1h1m1s1ms"],
    [MAX_DURATION_MS, "24d"],
  ])("writes %d as %s", (ms, text) => expect(formatDuration(ms)).toBe(text));
});
