import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { InstanceMetrics } from "../../src/api/push-messages.ts";
import { breakAtGaps, History } from "../../src/fleet/history.ts";

const figures = fc.dictionary(
  fc.constantFrom("a:0", "a:1", "b:0"),
  fc.record(
    {
      cpuPercent: fc.integer({ min: 0, max: 400 }),
      memoryBytes: fc.integer({ min: 0, max: 2 ** 40 }),
      restarts: fc.constant(0),
    },
    { requiredKeys: ["restarts"] },
  ),
);
const samples = fc.array(fc.record({ gap: fc.integer({ min: 0, max: 3 }), figures }), { maxLength: 40 });

describe("the history of figures", () => {
  it("is the last samples, as a list that forgets nothing has them", () => {
    fc.assert(
      fc.property(
        samples,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 15 }),
        (taken, capacity, asked) => {
          const history = new History(capacity);
          const all: { at: number; figures: Record<string, InstanceMetrics> }[] = [];
          let at = 0;
          for (const sample of taken) {
            at += sample.gap;
            history.add(at, sample.figures);
            if (all.length === 0 || at > all.at(-1)!.at) all.push({ at, figures: sample.figures });
          }
          const kept = all.slice(-capacity);
          const shown = kept.slice(-asked);
          expect(history.length).toBe(kept.length);
          expect(history.times(asked)).toEqual(shown.map((sample) => sample.at));
          for (const name of ["a:0", "a:1", "b:0", "never:0"]) {
            for (const figure of ["cpuPercent", "memoryBytes"] as const) {
              expect(history.series(name, figure, asked)).toEqual(
                shown.map((sample) => sample.figures[name]?.[figure] ?? null),
              );
            }
          }
          const known = ["a:0", "a:1", "b:0"].filter((name) => kept.some((sample) => name in sample.figures));
          expect(history.instances).toBe(known.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("adds up what is known, and knows when nothing is", () => {
    const history = new History(3);
    history.add(1, { "a:0": { cpuPercent: 1, restarts: 0 }, "a:1": { cpuPercent: 2, restarts: 0 } });
    history.add(2, { "a:1": { cpuPercent: 5, restarts: 0 } });
    history.add(3, {});
    expect(history.sum(["a:0", "a:1"], "cpuPercent")).toEqual([3, 5, null]);
    expect(history.sum([], "cpuPercent")).toEqual([null, null, null]);
  });

  it("breaks a line where nothing was heard for a while", () => {
    expect(breakAtGaps([0, 1000, 9000, 10_000], [1, 2, 3, 4], 5000)).toEqual([1, 2, null, 4]);
  });
});
