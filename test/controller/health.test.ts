import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { Health } from "../../src/controller/health.ts";
import { fingerprint, healthDefaults } from "../../src/domain/app.ts";
import type { ObservedInstance } from "../../src/domain/instance.ts";
import { plan } from "../../src/domain/plan.ts";
import { onlineOf, recordOf, rolloutOf, specOf } from "../domain/spec.ts";

const spec = specOf({ health: { ...healthDefaults, command: ["/bin/true"] }, rollout: { deadlineMs: 60_000 } });
const record = recordOf(2, { spec, rollout: rolloutOf("reload", 2) });
const START = 1_000_000;
/** The instance that the rollout replaced first, before this velosd came. */
const replaced = (changes: Partial<ObservedInstance> = {}): ObservedInstance =>
  onlineOf(1, fingerprint(spec), { run: "new-1", startedAt: START - 75_000, onlineAt: START - 74_000, ...changes });

let health: Health;

beforeEach(() => {
  // Nothing is asked before the event loop turns, and here it does not.
  vi.useFakeTimers({ toFake: ["Date", "performance"], now: START });
  health = new Health({
    backend: new MemoryBackend(new MemoryWorld()),
    now: () => Date.now(),
    changed: () => {},
    failed: () => {},
  });
});
afterEach(() => {
  health.close();
  vi.useRealTimers();
});

const lookAt = (instance: ObservedInstance) => {
  const instances = health.annotate({ spec }, [onlineOf(0, fingerprint(spec)), instance]);
  return plan(record, { instances, pending: new Map(), refused: new Map() }, Date.now());
};

it("a velosd that comes into a rollout asks before it says that an instance is late", () => {
  expect(lookAt(replaced())).toEqual({ actions: [], lookAgainAt: START + 60_000 });
  vi.advanceTimersByTime(59_000);
  expect(lookAt(replaced())).toEqual({ actions: [], lookAgainAt: START + 60_000 });
  vi.advanceTimersByTime(1000);
  expect(lookAt(replaced()).verdict).toMatchObject({ status: "stalled" });
});

it("the time that an instance needs to come up counts where this velosd saw it", () => {
  const startedAt = START - 1000;
  const starting = replaced({ status: "starting", startedAt });
  expect(lookAt(starting)).toEqual({ actions: [], lookAgainAt: startedAt + 60_000 });
  vi.advanceTimersByTime(50_000);
  const online = replaced({ startedAt, onlineAt: START + 50_000 });
  // It was seen a second after it began, and not fifty.
  expect(lookAt(online)).toEqual({ actions: [], lookAgainAt: START + 60_000 });
});

describe("in a rollout every instance is asked by the spec that it was started with", () => {
  const unchecked = specOf();
  const elsewhere = specOf({ health: { ...healthDefaults, command: ["/bin/false"] } });
  const on = (its: typeof spec, index = 0) => onlineOf(index, fingerprint(its));
  const isAsked = ({ seenAt, wellAt }: ObservedInstance): boolean => seenAt !== undefined || wellAt !== undefined;
  const asked = (specs: Parameters<Health["annotate"]>[0], ...instances: ObservedInstance[]): boolean[] =>
    health.annotate(specs, instances).map(isAsked);

  it("also when the new one has no check any more", () => {
    expect(asked({ spec: unchecked, previous: spec }, on(spec, 0), on(unchecked, 1))).toEqual([true, false]);
  });

  it("and not when only the new one has a check", () => {
    expect(asked({ spec, previous: unchecked }, on(unchecked, 0), on(spec, 1))).toEqual([false, true]);
  });

  it("also by that of an update which another one overtook; one whose spec is not known is not asked", () => {
    const overtaken = [elsewhere, spec];
    expect(asked({ spec: unchecked, overtaken }, on(unchecked, 0), on(spec, 1))).toEqual([false, true]);
    expect(asked({ spec: elsewhere, previous: unchecked }, on(spec, 0), on(elsewhere, 1))).toEqual([false, true]);
  });

  it.each([
    ["without a check", unchecked],
    ["with another", elsewhere],
  ])("a run that ends is forgotten, and the next one is on a spec %s", (_, next) => {
    expect(asked({ spec }, on(spec))).toEqual([true]);
    expect(asked({ spec: next, previous: spec }, { ...on(next), run: "new" })).toEqual([next.health !== undefined]);
    expect(asked({ spec: next }, on(spec))).toEqual([false]);
  });
});
