import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fingerprint } from "../../src/domain/app.ts";
import { surgeOf } from "./promises.ts";
import type { Ending, Happening, Story } from "./story.ts";
import { expectGood, expectRest, happenings as any, live, storyOf } from "./story.ts";

// Every story checks every plan made in it against test/domain/promises.ts; the cases below say how it must end.
// A failure prints its seed and path: SEED=… with the same RUNS finds it again, fc.assert(property, { seed, path }) lives
// just that one. RUNS=5000 looks harder.
const RUNS = Number(process.env["RUNS"] ?? 200);
const SEED = process.env["SEED"];

const holds = (name: string, stories: fc.Arbitrary<Story>, check: (story: Story) => void, numRuns = RUNS): void => {
  test(name, () => fc.assert(fc.property(stories, check), { numRuns, ...(SEED && { seed: Number(SEED) }) }), 600_000);
};

const then = (story: Story, ...more: Happening[]): Story => ({
  ...story,
  happenings: [...story.happenings, ...more.map((happening) => ({ afterMs: 400_000, happening }))],
});

/** Happenings that come once all has come to rest. */
const wait = (happenings: Story["happenings"]): Story["happenings"] =>
  happenings.map(({ happening }, place) => ({ afterMs: place === 0 ? 400_000 : 30_000, happening }));
const membersOf = ({ world, record }: Ending) => world.observe().filter(({ index }) => index < record!.instances);
const printsOf = (ending: Ending) => new Map(membersOf(ending).map(({ index, fingerprint: its }) => [index, its]));
const runOf = (ending: Ending, index: number) => membersOf(ending).find((one) => one.index === index)?.run;
/** Nobody may be out, and there may be no extra one yet. */
const isUngiving = ({ rollout }: Story): boolean => (rollout.surge ?? 0) > 0;

describe("a good spec", () => {
  holds("is rolled out to every instance", storyOf(any.roll, { most: 0 }), (story) => {
    const ending = live(story);
    expectGood(ending);
    expect(ending.record?.rollout?.status).toBe("done");
    const kept = ending.world.observe().filter(({ index, run }) => ending.firstRuns.get(index) === run);
    expect(kept, "everyone was replaced").toEqual([]);
  });

  holds("is rolled out whatever is begun meanwhile", storyOf(fc.oneof(any.roll, any.roll, any.restart)), (story) => {
    const ending = live(story);
    expectGood(ending);
    expect(ending.record?.rollout?.status).toBe("done");
  });

  holds(
    "ends whatever health check one had before, and the one before that, also when velosd dies",
    storyOf(fc.oneof(any.good, any.good, any.cut), { first: any.good, most: 4 }),
    (story) => {
      const ending = live(story);
      expectGood(ending);
      expect(ending.record?.rollout?.status).toBe("done");
    },
  );

  holds("is rolled out when velosd dies at any moment, and again", storyOf(any.cut, { first: any.roll }), (story) => {
    const ending = live(story);
    expectGood(ending);
    expect(ending.record?.rollout?.status).toBe("done");
  });

  holds(
    "is rolled out while the app is scaled",
    storyOf(fc.oneof(any.scale, any.cut), { first: any.roll }),
    (story) => {
      // Not where programs fail when they are stopped: what a velosd that died meanwhile leaves of a scaled-away instance
      // cannot be told from a failed start when the index is wanted again. Then the rollout stalls, which is safe.
      const ending = live({ ...story, messy: false });
      expectGood(ending);
      expect(ending.record?.rollout?.status).toBe("done");
    },
  );

  holds(
    "is rolled out although it is paused meanwhile, once it is resumed",
    storyOf(fc.oneof(any.pause, any.cut), { first: any.roll }),
    (story) => {
      const ending = live(then(story, { does: "resume" }));
      expectGood(ending);
      expect(ending.record?.rollout?.status).toBe("done");
    },
  );

  holds(
    "is paused, and who is to be restarted meanwhile is, as it is",
    storyOf(fc.oneof(any.restartOne, any.cut), { first: any.roll }),
    (story) => {
      const paused: Story["happenings"] = [{ afterMs: story.seed % 2 === 0 ? 0 : 900, happening: { does: "pause" } }];
      const begun = { ...story, happenings: [story.happenings[0]!, ...paused] };
      const before = live(begun);
      const ending = live({ ...begun, happenings: [...begun.happenings, ...wait(story.happenings.slice(1))] });
      if (before.record?.rollout?.status !== "paused") return;
      expect(ending.record?.rollout?.status).toMatch(/paused|done/);
      expect(printsOf(ending).size, "all are up").toBe(story.instances);
      // A reload is done once all have been restarted, by whomever; an update keeps who is on the old spec there.
      if (ending.record?.rollout?.status === "paused") expect(printsOf(ending)).toEqual(printsOf(before));
      for (const { happening } of story.happenings.slice(1)) {
        if (happening.does !== "restart-one" || happening.index >= story.instances || isUngiving(story)) continue;
        expect(runOf(ending, happening.index), "it was restarted").not.toBe(runOf(before, happening.index));
      }
      const resumed = live(
        then({ ...begun, happenings: [...begun.happenings, ...wait(story.happenings.slice(1))] }, { does: "resume" }),
      );
      expectGood(resumed);
      expect(resumed.record?.rollout?.status).toBe("done");
    },
  );

  holds(
    "is what runs after a stop and a start in the middle",
    storyOf(fc.oneof(any.stopStart, any.roll, any.cut), { first: any.roll }),
    (story) => {
      expectGood(live(then(story, { does: "start" })));
    },
  );

  holds("is restarted all at once", storyOf(any.cut, { first: any.restart }), (story) => {
    const ending = live(story);
    expectGood(ending);
    expect(ending.record?.rollout?.status).toBe("done");
    expect(ending.world.observe().filter(({ index, run }) => ending.firstRuns.get(index) === run)).toEqual([]);
  });
});

describe("a single instance", () => {
  holds("is restarted and no other", storyOf(any.cut, { first: any.one }), (story) => {
    const ending = live(story);
    expectRest(ending);
    const first = story.happenings[0]!.happening;
    const kept = ending.world.observe().filter(({ index, run }) => ending.firstRuns.get(index) === run).length;
    if (first.does === "restart-one")
      expect(kept).toBe(first.index < story.instances ? story.instances - 1 : story.instances);
  });
});

describe("a bad spec", () => {
  const stories = storyOf(any.cut, { first: any.bad });

  holds("stops at the first that fail, and is taken back", stories, (story) => {
    const reverting: Story = { ...story, rollout: { ...story.rollout, onFailure: "revert" } };
    const ending = live(reverting);
    expectGood(ending);
    expect(ending.record?.rollout).toMatchObject({ kind: "revert", status: "done" });
    expect(fingerprint(ending.record!.spec)).toBe(fingerprint(ending.firstSpec));
    expectFewTouched(reverting, ending);
  });

  holds("stops at the first that fail, and stays there when told so", stories, (story) => {
    const stopping: Story = { ...story, rollout: { ...story.rollout, onFailure: "stop" } };
    const ending = live(stopping, 300_000);
    expect(ending.record?.rollout?.status).toBe("stalled");
    expectFewTouched(stopping, ending);
  });

  holds(
    "stops at the first that fail, and who is restarted meanwhile is, as it is",
    storyOf(fc.oneof(any.restartOne, any.cut), { first: any.bad }),
    (story) => {
      const [first, ...rest] = story.happenings;
      const begun: Story = { ...story, rollout: { ...story.rollout, onFailure: "stop" }, happenings: [first!] };
      const before = live(then(begun, { does: "kill-velosd", downMs: 0, arrives: true }));
      const ending = live({ ...begun, happenings: [first!, ...wait(rest)] });
      // Who was not taken to the bad spec before it was known to be bad never is; where all were, it is a restart as any.
      const good = fingerprint(before.firstSpec);
      if (![...printsOf(before).values()].includes(good)) return;
      expect(ending.record?.rollout?.status).toBe("stalled");
      for (const [index, print] of printsOf(before)) {
        if (print !== good) continue;
        expect(printsOf(ending).get(index), "it is on the spec that it had").toBe(good);
        const isNamed = rest.some(({ happening }) => happening.does === "restart-one" && happening.index === index);
        if (isNamed) expect(runOf(ending, index), "it was restarted").not.toBe(runOf(before, index));
      }
    },
  );

  holds(
    "is never gone back to, however many there were, and whatever was made of their failures",
    storyOf(fc.oneof(any.bad, any.stopping, any.reload, any.cut), { first: any.stopping }),
    (story) => {
      const ending = live(then(story, { does: "update", quality: "crashes", onFailure: "revert" }));
      expectGood(ending);
      expect(ending.record?.rollout).toMatchObject({ kind: "revert", status: "done" });
      expect(fingerprint(ending.record!.spec)).toBe(fingerprint(ending.firstSpec));
    },
  );

  const expectFewTouched = (story: Story, { world, firstSpec, firstRuns }: ReturnType<typeof live>): void => {
    const touched = new Set<number>();
    for (const [print, indexes] of world.everOn)
      if (print !== fingerprint(firstSpec)) for (const index of indexes) touched.add(index);
    const { maxUnavailable } = story.rollout;
    const surge = surgeOf({ spec: firstSpec }, story.instances);
    const most =
      typeof maxUnavailable === "string"
        ? Math.floor((Number.parseInt(maxUnavailable) * story.instances) / 100)
        : maxUnavailable;
    const budget = (story.rollout.surge ?? 0) > 0 ? (most ?? 0) : Math.max(1, most ?? 1);
    expect(touched.size, "few were on the bad spec").toBeLessThanOrEqual(Math.min(budget, story.instances) + surge);
    const kept = world.observe().filter(({ index, run }) => firstRuns.get(index) === run);
    expect(kept.length, "the others kept their runs").toBeGreaterThanOrEqual(
      story.instances - Math.min(budget, story.instances) - surge,
    );
  };
});

describe("whatever happens", () => {
  const anything = fc.oneof(
    any.roll,
    any.ending,
    any.restart,
    any.scale,
    any.pause,
    any.cut,
    any.stopStart,
    any.one,
    any.crash,
    any.operator,
  );

  holds(
    "it comes to rest, with what is wanted and nothing else",
    storyOf(anything, { most: 12 }),
    (story) => {
      expectRest(live(then(story, { does: "resume" })));
    },
    2 * RUNS,
  );

  holds("a deleted app leaves nothing", storyOf(fc.oneof(anything, any.delete), { first: any.roll }), (story) => {
    const ending = live(then(story, { does: "delete" }));
    expect(ending.record).toBeUndefined();
    expectRest(ending);
  });
});
