import fc from "fast-check";
import { expect, it } from "vitest";
import { ClockJumps } from "../../src/backend/clock-jumps.ts";

const HOUR = 3_600_000;

it("tells a jump once, and bears what is too small for one", () => {
  const clock = { now: 1_000_000, monotonic: 5000 };
  const jumps = new ClockJumps(
    () => clock.now,
    () => clock.monotonic,
  );
  const pass = (ms: number): void => {
    clock.now += ms;
    clock.monotonic += ms;
  };
  pass(60_000);
  expect(jumps.since()).toBe(0);
  clock.now += HOUR;
  expect([jumps.since(), jumps.since()]).toEqual([HOUR, 0]);
  clock.now += 200;
  expect(jumps.since()).toBe(0);
  clock.now -= 2 * HOUR;
  pass(500);
  expect([jumps.since(), jumps.since()]).toEqual([200 - 2 * HOUR, 0]);
});

it("how long something has lasted does not change with the clock, and moments stand still between jumps", () => {
  const step = fc.record({ passes: fc.nat(100_000), jumps: fc.constantFrom(0, 0, HOUR, -HOUR, 400 * 24 * HOUR, 50) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const clock = { now: 1_700_000_000_000, monotonic: 77_000 };
      const jumps = new ClockJumps(
        () => clock.now,
        () => clock.monotonic,
      );
      const [at, monotonicAt] = [clock.now, clock.monotonic];
      let slewed = 0;
      for (const { passes, jumps: by } of steps) {
        clock.monotonic += passes;
        clock.now += passes + by;
        if (by === 50) slewed += 50;
        const moved = jumps.moved(at, monotonicAt);
        expect(jumps.moved(at, monotonicAt)).toBe(moved);
        expect(Math.abs(clock.now - moved - (clock.monotonic - monotonicAt))).toBeLessThanOrEqual(1000 + slewed);
      }
    }),
  );
});

it("leaves a moment alone that was noted by one clock only", () => {
  const jumps = new ClockJumps(
    () => 0,
    () => 0,
  );
  expect(jumps.moved(1234.5, 0)).toBe(1234.5);
});
