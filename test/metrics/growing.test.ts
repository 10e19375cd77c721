import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Figures } from "../../src/backend/backend.ts";
import { live } from "../../src/controller/lifetime.ts";
import { newTrack, trackRun } from "../../src/domain/crash-track.ts";
import { growingFigures } from "../../src/domain/snapshot.ts";
import type { InstanceTally, Lifetime } from "../../src/domain/tally.ts";
import { newInstanceTally, tallied } from "../../src/domain/tally.ts";

const reading: fc.Arbitrary<Figures> = fc.record(
  Object.fromEntries(growingFigures.map((name) => [name, fc.nat(1000)])),
  { requiredKeys: [] },
);

/** What happens to an instance between two looks. */
const step = fc.record({
  run: fc.constantFrom("same", "next"),
  figures: fc.option(reading, { nil: undefined }),
  oomExits: fc.nat(2),
  restartsVelosd: fc.boolean(),
});

describe("growing figures", () => {
  it("never go down, over runs, unreadable looks and restarts of velosd", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let [lifetime, run, oomExits]: [Lifetime | undefined, number, number] = [undefined, 0, 0];
        let last = growingFigures.map((): number | null => null);
        for (const { run: next, figures, oomExits: more, restartsVelosd } of steps) {
          if (next === "next") {
            run++;
            oomExits += more;
          }
          const { lifetime: kept, values } = live(lifetime, `run-${run}`, figures, oomExits);
          values.forEach((value, at) => expect(value ?? 0).toBeGreaterThanOrEqual(last[at] ?? 0));
          last = values;
          lifetime = restartsVelosd ? (JSON.parse(JSON.stringify(kept)) as Lifetime) : kept;
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("go on where the run before ended", () => {
    const first = live(undefined, "a", { cpuUserUsec: 5 }, 0);
    expect(first.values[0]).toBe(5);
    const second = live(first.lifetime, "b", { cpuUserUsec: 1 }, 0);
    expect(second.values[0]).toBe(6);
    expect(live(second.lifetime, "b", undefined, 0).values[0]).toBe(6);
  });

  it("count a run that ended for want of memory once, whether or not the kernel's count was read", () => {
    const at = growingFigures.indexOf("oomKills");
    const unread = live(live(undefined, "a", { oomKills: 0 }, 0).lifetime, "b", { oomKills: 0 }, 1);
    expect(unread.values[at]).toBe(1);
    const read = live(live(undefined, "a", { oomKills: 1 }, 0).lifetime, "b", { oomKills: 0 }, 1);
    expect(read.values[at]).toBe(1);
    expect(live(undefined, "a", { cpuUserUsec: 1 }, 2).values[at]).toBe(2);
    // Also while no run follows.
    expect(live(live(undefined, "a", { oomKills: 0 }, 0).lifetime, "a", undefined, 1).values[at]).toBe(1);
  });
});

const instance = (run: string, restarts: number, exitAt?: number, exit: object = { code: 1, result: "exit-code" }) => ({
  index: 0,
  status: "online" as const,
  unit: "",
  fingerprint: "",
  run,
  restarts,
  ...(exitAt !== undefined && { exit: { at: exitAt, ranMs: 10, ...exit } }),
});

/** Looks at the instance one after the other. */
const tallyOf = (...looks: readonly (readonly [ReturnType<typeof instance>, "manual" | "memory", boolean?])[]) => {
  let [track, tally]: [ReturnType<typeof newTrack>, InstanceTally] = [newTrack(), newInstanceTally()];
  for (const [seen, cause, asked] of looks) {
    const next = trackRun(track, seen, 1000);
    tally = tallied(tally, track, next, cause, asked ?? false);
    track = next;
  }
  return { track, tally };
};

describe("restarts and exits by reason", () => {
  it("takes what the supervisor restarted for crashes, also those no look saw", () => {
    const { tally, track } = tallyOf([instance("a", 0), "manual"], [instance("b", 3, 100), "manual"]);
    expect(tally).toMatchObject({ restarts: { crash: 3 }, exits: { error: 3 } });
    expect(track.total).toBe(3);
  });

  it("takes a run that was asked for by its reason, and its end for none by itself", () => {
    const { tally } = tallyOf([instance("a", 0), "manual"], [instance("b", 0, 100, { code: 0 }), "memory"]);
    expect(tally).toEqual({ restarts: { memory: 1 }, exits: {} });
  });

  it("counts one end once, seen first as an end and then as a restart", () => {
    const { tally } = tallyOf(
      [instance("a", 0), "manual"],
      [{ ...instance("a", 0, 100), status: "online" }, "manual"],
      [instance("b", 1, 100), "manual"],
    );
    expect(tally).toEqual({ restarts: { crash: 1 }, exits: { error: 1 } });
  });

  it.each([
    [{ code: 0, result: "success" }, "success"],
    [{ code: 3, result: "exit-code" }, "error"],
    [{ signal: "SIGKILL", result: "signal" }, "signal"],
    [{ signal: "SIGKILL", result: "oom-kill" }, "oom"],
    [{ signal: "SIGTERM", result: "timeout" }, "timeout"],
  ])("calls %j %s", (exit, reason) => {
    const { tally } = tallyOf([instance("a", 0), "manual"], [instance("b", 1, 100, exit), "manual"]);
    expect(tally.exits).toEqual({ [reason]: 1 });
  });

  it("has in its reasons what the total has", () => {
    const looks = fc.array(fc.tuple(fc.boolean(), fc.nat(3), fc.boolean()), { maxLength: 20 });
    fc.assert(
      fc.property(looks, (steps) => {
        let [run, restarts, at] = [0, 0, 0];
        const seen = steps.map(([byHand, crashes, ended]) => {
          if (byHand) restarts = 0;
          else restarts += crashes;
          if (byHand || crashes > 0) run++;
          if (ended || crashes > 0) at++;
          return [instance(`run-${run}`, restarts, at === 0 ? undefined : at), "manual"] as const;
        });
        const { track, tally } = tallyOf([instance("run-0", 0), "manual"], ...seen);
        expect(Object.values(tally.restarts).reduce((sum, count) => sum + count, 0)).toBe(track.total);
      }),
    );
  });
});
