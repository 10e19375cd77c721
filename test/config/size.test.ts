import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatSize, parseSize } from "../../src/config/size.ts";

describe("parseSize", () => {
  it.each([
    ["0", 0],
    ["4096", 4096],
    ["512B", 512],
    ["1K", 1024],
    ["300M", 314_572_800],
    ["300 MiB", 314_572_800],
    ["300mb", 314_572_800],
    ["1.5G", 1_610_612_736],
    ["2T", 2_199_023_255_552],
  ])("reads %s", (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(["", "-1", "1.5", "1.5B", "M", "12X", "1 000", "1e3", "300MM", "0x10"])("refuses %s", (text) =>
    expect(parseSize(text)).toBeUndefined(),
  );

  it("reads back what formatSize writes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.constantFrom(1, 1024, 1024 ** 2), (count, unit) => {
        const bytes = Math.min(count * unit, 2 ** 50);
        expect(parseSize(formatSize(bytes))).toBe(bytes);
      }),
    );
  });
});

describe("formatSize", () => {
  it.each([
    [0, "0"],
    [1, "1"],
    [1025, "1025"],
    [314_572_800, "300M"],
    [1024 ** 5, "1024T"],
  ])("writes %d as %s", (bytes, text) => expect(formatSize(bytes)).toBe(text));
});
