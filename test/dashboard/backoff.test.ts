import fc from "fast-check";
import { expect, it } from "vitest";
import { backoffMs } from "../../src/dashboard/link/backoff.ts";

it("grows, never beyond what somebody waits for, and is spread", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (failures, random) => {
        const wait = backoffMs(failures, random);
        expect(wait).toBeGreaterThanOrEqual(400);
        expect(wait).toBeLessThanOrEqual(18_000);
        expect(backoffMs(failures + 1, random)).toBeGreaterThanOrEqual(wait);
      },
    ),
  );
  expect(backoffMs(1, 0)).toBeLessThan(backoffMs(1, 1));
});
