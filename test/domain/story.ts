import fc from "fast-check";
import { expect } from "vitest";
import type { AppSpec, RolloutSettings } from "../../src/domain/app.ts";
import { fingerprint, healthDefaults } from "../../src/domain/app.ts";
import { beginRestart, beginUpdate, hasStrayInstance } from "../../src/domain/begin-rollout.ts";
import { onSpecs, provenSpec } from "../../src/domain/known-specs.ts";
import { plan } from "../../src/domain/plan.ts";
import type { AppRecord } from "../../src/domain/record.ts";
import { wantedIndexes } from "../../src/domain/record.ts";
import { isActive } from "../../src/domain/rollout.ts";
import { checkPlan } from "./promises.ts";
import { recordOf, specOf } from "./spec.ts";
import type { Store } from "./velosd.ts";
import { Velosd } from "./velosd.ts";
import type { Pace, Quality } from "./world.ts";
import { World } from "./world.ts";

/** Something from outside: a command, a crash, an operator, the death of velosd. */
export type Happening =
  | { does: "update"; quality: Quality; health?: boolean; onFailure?: RolloutSettings["onFailure"] }
  | { does: "reload" | "restart" | "pause" | "resume" | "stop" | "start" | "delete" }
  | { does: "scale"; to: number }
  | { does: "restart-one" | "stop-one" | "start-one" | "crash" | "operator-stop" | "operator-restart"; index: number }
  | { does: "kill-velosd"; downMs: number; arrives: boolean };

/** A world and what is going to happen in it. */
export interface Story {
  seed: number;
  instances: number;
  pace: Pace;
  /** Programs fail when they are stopped. */
  messy: boolean;
  /** The first spec has a health check. */
  health: boolean;
  spec: Pick<AppSpec, "waitReady" | "listen" | "minUptimeMs" | "listenTimeoutMs" | "autorestart">;
  rollout: RolloutSettings;
  /** In milliseconds after the one before; the app is up when the first is counted. */
  happenings: { afterMs: number; happening: Happening }[];
}

/** How a story ended. */
export interface Ending {
  world: World;
  record: AppRecord | undefined;
  /** The runs at the time of the first happening, by index. */
  firstRuns: Map<number, string>;
  firstSpec: AppSpec;
}

const specFor = (
  story: Story,
  version: number,
  quality: Quality,
  health: boolean,
  onFailure = story.rollout.onFailure,
): AppSpec =>
  specOf({
    ...story.spec,
    // Each version is asked for something that no other has.
    ...((health || quality === "unwell") && { health: { ...healthDefaults, http: `/v${version}` } }),
    restartDelayMs: 100,
    maxRestarts: 3,
    rollout: { ...story.rollout, onFailure },
    env: { VERSION: String(version), QUALITY: quality },
  });

/** Lives a story to its end, every plan checked: until nothing more is going to happen, or for a time after the last. */
export const live = (story: Story, forMs = Infinity): Ending => {
  const world = new World(story.seed, story.pace, story.messy);
  const firstSpec = specFor(story, 0, "good", story.health);
  const store: Store = { record: recordOf(story.instances, { spec: firstSpec }), tracks: new Map() };
  let velosd = new Velosd(world, store, checkPlan);
  world.run();
  const firstRuns = new Map(world.observe().map(({ index, run }) => [index, run]));

  let version = 0;
  const happen = (happening: Happening): void => {
    if (happening.does === "kill-velosd") {
      if (!velosd.alive) return;
      velosd.die(happening.arrives);
      world.after(happening.downMs, () => {
        if (!velosd.alive) velosd = new Velosd(world, store, checkPlan);
      });
      return;
    }
    if (happening.does === "crash") return world.crash(happening.index);
    if (happening.does === "operator-stop") return world.operatorStop(happening.index);
    if (happening.does === "operator-restart") return world.operatorRestart(happening.index);
    // The CLI starts velosd when it is not there.
    if (!velosd.alive) velosd = new Velosd(world, store, checkPlan);
    velosd.command((record) =>
      commanded(record, happening, velosd, world, () =>
        specFor(story, ++version, qualityOf(happening), hasHealth(happening, story), onFailureOf(happening)),
      ),
    );
  };
  let at = world.now;
  for (const { afterMs, happening } of story.happenings) world.at((at += afterMs), () => happen(happening));
  world.run(at + forMs);
  return { world, record: store.record, firstRuns, firstSpec };
};

const qualityOf = (happening: Happening): Quality => (happening.does === "update" ? happening.quality : "good");

const hasHealth = (happening: Happening, story: Story): boolean =>
  (happening.does === "update" ? happening.health : undefined) ?? story.health;

const onFailureOf = (happening: Happening): RolloutSettings["onFailure"] | undefined =>
  happening.does === "update" ? happening.onFailure : undefined;

/** The record after a command, as the controller changes it. */
const commanded = (
  record: AppRecord,
  happening: Happening,
  velosd: Velosd,
  world: World,
  nextSpec: () => AppSpec,
): AppRecord => {
  const alive = new Set(world.observe().flatMap(({ index, status }) => (status === "online" ? [index] : [])));
  const created = { ...record.created, indexes: record.created.indexes.filter((index) => alive.has(index)) };
  const stamp = { id: `r${world.now}`, at: world.now };
  /** What has not gone down since the stop may still be on the spec of before. */
  const gathered = (next: AppRecord): AppRecord =>
    isActive(next.rollout) || !hasStrayInstance(next, world.observe())
      ? next
      : beginUpdate(next, next.spec, world.observe(), stamp);
  const superseded = isActive(record.rollout) ? { rollout: { ...record.rollout, status: "superseded" as const } } : {};
  switch (happening.does) {
    case "update": {
      const next = { ...started(record), created, running: true, holds: {} };
      const spec = nextSpec();
      if (record.running) return beginUpdate(next, spec, world.observe(), stamp);
      return gathered(onSpecs(next, spec, provenSpec(record)));
    }
    case "reload":
    case "restart":
      return velosd.begin({ ...record, created, running: true, holds: {} }, happening.does);
    case "restart-one":
      if (happening.index >= record.instances || !record.running) return record;
      // Where a rollout has stopped, as a health check that fails or cron asks for it.
      if (record.rollout && (superseded.rollout || record.rollout.status === "stalled")) {
        const reason = superseded.rollout ? "manual" : "health";
        const joined = { ...record, created, holds: without(record.holds, happening.index) };
        return beginRestart(joined, world.observe(), "restart", reason, stamp, [happening.index]);
      }
      return velosd.begin({ ...record, holds: without(record.holds, happening.index) }, "restart", [happening.index]);
    case "pause":
      return record.rollout?.status === "running"
        ? { ...record, rollout: { ...record.rollout, status: "paused" } }
        : record;
    case "resume":
      return record.rollout?.status === "paused"
        ? { ...record, rollout: { ...record.rollout, status: "running" } }
        : record;
    case "stop":
      return { ...record, running: false, holds: {}, ...superseded };
    case "start":
      return gathered({ ...started(record), created, running: true, holds: {} });
    case "delete":
      return { ...record, running: false, deleting: true };
    case "scale": {
      const holds = Object.fromEntries(Object.entries(record.holds).filter(([index]) => Number(index) < happening.to));
      return { ...record, instances: happening.to, holds };
    }
    case "stop-one":
      return { ...record, holds: { ...record.holds, [happening.index]: { why: "command", at: world.now } } };
    case "start-one":
      return { ...record, created, holds: without(record.holds, happening.index) };
    default:
      return record;
  }
};

/** A stopped app that is started stands by its spec, whatever became of the rollout to it. */
const started = ({ unproven, ...record }: AppRecord): AppRecord =>
  record.running && unproven ? { ...record, unproven } : record;

const without = (holds: AppRecord["holds"], index: number): AppRecord["holds"] =>
  Object.fromEntries(Object.entries(holds).filter(([key]) => key !== String(index)));

/** What is true of every ending: nothing hangs, what is wanted is there, and nothing else. */
export const expectRest = ({ world, record }: Ending): void => {
  const instances = world.observe();
  if (record === undefined) {
    expect(instances, "nothing is left of a deleted app").toEqual([]);
    return;
  }
  const rest = plan(record, { instances, pending: new Map(), refused: new Map() }, world.now);
  expect(rest, "the app is as desired").toEqual({ actions: [] });
  if (record.running) expect(record.rollout?.status ?? "none", "the rollout has ended").not.toBe("running");
  const alive = instances.filter(({ status }) => status === "online").map(({ index }) => index);
  expect(alive, "the wanted ones are up").toEqual(wantedIndexes(record));
  const dead = instances.filter(({ status }) => status !== "online");
  for (const { index, status } of dead) {
    expect(status).toBe("errored");
    expect(["failed", "exited"], "a dead one is kept to explain why").toContain(record.holds[index]?.why);
  }
};

/** All that is wanted runs on the record's spec, and nothing is held down. */
export const expectGood = (ending: Ending): void => {
  expectRest(ending);
  const { record, world } = ending;
  if (record === undefined) return;
  expect(record.holds, "nobody is held").toEqual({});
  const prints = new Set(world.observe().map((instance) => instance.fingerprint));
  if (record.running) expect([...prints]).toEqual([fingerprint(record.spec)]);
};

const paceArbitrary = fc.record({
  bootMs: fc.integer({ min: 1, max: 3000 }),
  stopMs: fc.integer({ min: 0, max: 2000 }),
  latencyMs: fc.constantFrom(0, 2, 20),
  healthMs: fc.constantFrom(0, 600),
});

export const rolloutArbitrary: fc.Arbitrary<RolloutSettings> = fc
  .record({
    maxUnavailable: fc.constantFrom(undefined, 0, 1, 2, 5, "25%", "50%", "100%"),
    surge: fc.constantFrom(undefined, 0, 1, 2),
    pauseMs: fc.constantFrom(undefined, 0, 1500),
    minReadyMs: fc.constantFrom(0, 0, 700),
    deadlineMs: fc.constantFrom(6000, 60_000),
    onFailure: fc.constantFrom("revert" as const, "stop" as const),
  })
  .map(({ maxUnavailable, surge, pauseMs, ...settings }) => ({
    ...settings,
    ...(maxUnavailable !== undefined && { maxUnavailable }),
    ...(surge !== undefined && { surge }),
    ...(pauseMs !== undefined && { pauseMs }),
  }));

/** Stories of these happenings. */
export const storyOf = (
  happening: fc.Arbitrary<Happening>,
  options: { first?: fc.Arbitrary<Happening>; most?: number } = {},
): fc.Arbitrary<Story> =>
  fc
    .record({
      seed: fc.integer(),
      instances: fc.integer({ min: 1, max: 6 }),
      pace: paceArbitrary,
      messy: fc.boolean(),
      health: fc.boolean(),
      spec: fc.record({
        waitReady: fc.boolean(),
        listen: fc.boolean().map((listens) => (listens ? [{ port: 3000 }] : [])),
        minUptimeMs: fc.constantFrom(300, 1000),
        listenTimeoutMs: fc.constantFrom(8000, 120_000),
        autorestart: fc.constant(true),
      }),
      rollout: rolloutArbitrary,
      first: options.first ?? happening,
      rest: fc.array(fc.record({ afterMs: afterArbitrary, happening }), { maxLength: options.most ?? 8 }),
    })
    .map(({ first, rest, ...story }) => ({ ...story, happenings: [{ afterMs: 5000, happening: first }, ...rest] }));

/** Mostly close together, so that things happen in the middle of others. */
const afterArbitrary = fc.oneof(
  fc.integer({ min: 0, max: 50 }),
  fc.integer({ min: 0, max: 2000 }),
  fc.integer({ min: 0, max: 20_000 }),
);

const indexArbitrary = fc.integer({ min: 0, max: 6 });

export const happenings = {
  good: fc.boolean().map((health): Happening => ({ does: "update", quality: "good", health })),
  bad: fc
    .constantFrom<Quality>("crashes", "never-ready", "exits", "refused", "unwell")
    .chain((quality) => fc.boolean().map((health): Happening => ({ does: "update", quality, health }))),
  stopping: fc
    .constantFrom<Quality>("crashes", "never-ready", "exits", "refused", "unwell")
    .map((quality): Happening => ({ does: "update", quality, onFailure: "stop" })),
  ending: fc
    .constantFrom<Quality>("crashes", "exits", "refused")
    .chain((quality) => fc.boolean().map((health): Happening => ({ does: "update", quality, health }))),
  roll: fc.constantFrom<Happening>(
    { does: "update", quality: "good", health: false },
    { does: "update", quality: "good", health: true },
    { does: "reload" },
  ),
  restart: fc.constant<Happening>({ does: "restart" }),
  reload: fc.constant<Happening>({ does: "reload" }),
  scale: fc.integer({ min: 1, max: 7 }).map((to): Happening => ({ does: "scale", to })),
  pause: fc.constantFrom<Happening>({ does: "pause" }, { does: "resume" }),
  cut: fc.record({
    does: fc.constant("kill-velosd" as const),
    downMs: fc.constantFrom(0, 100, 3000),
    arrives: fc.boolean(),
  }),
  stopStart: fc.constantFrom<Happening>({ does: "stop" }, { does: "start" }),
  delete: fc.constant<Happening>({ does: "delete" }),
  one: fc.record({
    does: fc.constantFrom("restart-one" as const, "stop-one" as const, "start-one" as const),
    index: indexArbitrary,
  }),
  restartOne: fc.record({ does: fc.constant("restart-one" as const), index: indexArbitrary }),
  crash: fc.record({ does: fc.constant("crash" as const), index: indexArbitrary }),
  operator: fc.record({
    does: fc.constantFrom("operator-stop" as const, "operator-restart" as const),
    index: indexArbitrary,
  }),
} satisfies Record<string, fc.Arbitrary<Happening>>;
