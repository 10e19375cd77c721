import type { Backend, MissedInstance } from "../backend/backend.ts";
import { fingerprint } from "../domain/app.ts";
import type { CrashTrack } from "../domain/crash-track.ts";
import { endTrack, trackRun } from "../domain/crash-track.ts";
import type { Exit, ObservedInstance } from "../domain/instance.ts";
import { describeExit } from "../domain/instance.ts";
import type { AppRecord } from "../domain/record.ts";
import { isActive } from "../domain/rollout.ts";
import type { AppState } from "./app-state.ts";
import type { Counters } from "./counters.ts";
import { recordLook } from "./record-tallies.ts";

/** Tells one rollout, and one direction of it, from another; empty without one. */
export const rolloutKey = ({ rollout }: AppRecord): string =>
  isActive(rollout) ? `${rollout.id} ${rollout.kind}` : "";

/** What a look showed that the one before did not. */
export interface Sightings {
  /**
   * Runs that ended without being told to: how many of an index, which one was known, how the last one ended where that
   * was seen, and when at the latest where it was not.
   */
  ended: { index: number; ends: number; run: string; exit: Exit | undefined; endedBy: number | undefined }[];
  ready: { instance: ObservedInstance; at: number }[];
}

/**
 * Counts what a look shows that the one before did not: runs, restarts, how they ended. Also notes in `state.refused`
 * an instance whose new run ended so well that nothing of it is left: its rollout would start it for ever.
 */
export const countLook = (
  state: AppState,
  instances: readonly ObservedInstance[],
  counters: Counters,
  backend: Backend,
): Sightings => {
  const { record } = state;
  const sightings: Sightings = { ended: [], ready: [] };
  const rollout = isActive(record.rollout) ? record.rollout : undefined;
  const knownBefore = runsBefore(state, counters);
  const seen = new Set<number>();
  const print = rollout && fingerprint(record.spec);
  for (const instance of instances) {
    const { index } = instance;
    seen.add(index);
    // A run on the spec of before is none that the rollout brought about, also when it began meanwhile.
    if (print !== undefined && instance.fingerprint !== print) knownBefore.set(index, instance.run);
    const before = counters.get(state.name, index);
    // The run that is being replaced is known, also when velosd died before it had saved that it saw it.
    const replaced = rollout?.from[index];
    const known = before.run === "" && replaced !== undefined ? { ...before, run: replaced } : before;
    const after = trackRun(known, instance, record.spec.minUptimeMs);
    // The supervisor counts the restarts it makes; those by hand are counted nowhere else.
    const byHand = after.total > before.total && after.restarts === 0;
    if (JSON.stringify(before) !== JSON.stringify(after)) counters.set(state.name, index, after, byHand);
    const { ends, readyAt } = recordLook(counters, state, instance, known, after);
    if (ends > 0) {
      const exit = after.countedExitAt === known.countedExitAt ? undefined : after.exit;
      const endedBy = instance.run === known.run ? undefined : (instance.leftAt ?? instance.startedAt);
      sightings.ended.push({ index, ends, run: known.run || instance.run, exit, endedBy });
    }
    if (readyAt !== undefined) sightings.ready.push({ instance, at: readyAt });
  }
  for (const index of record.created.indexes) if (!seen.has(index)) learnExit(state.name, index, counters, backend);
  for (const [index, track] of counters.of(state.name)) {
    if (seen.has(index) || state.pending.has(index) || track.run === "") continue;
    const replaced = rollout?.from[index];
    if (replaced === undefined) counters.set(state.name, index, endTrack(track));
    else if (rollout?.kind !== "restart" && track.run !== replaced && track.run !== knownBefore.get(index))
      state.refused.set(index, track.exit ? describeExit(track.exit) : "it ended");
  }
  return sightings;
};

/** The instances of an app that the supervisor has restarted since the last look. */
export const missedInstances = (
  app: string,
  instances: readonly ObservedInstance[],
  tracks: ReadonlyMap<number, CrashTrack>,
): MissedInstance[] =>
  instances.flatMap((instance): MissedInstance[] => {
    const track = tracks.get(instance.index);
    if (!track || track.run === "" || instance.run === track.run || instance.restarts === 0) return [];
    return [
      { app, instance, knownRun: track.run, knownRestarts: track.restarts, knownEnded: track.ended > track.restarts },
    ];
  });

/** The last run known of each index when the rollout under way began: what an instance that is gone had run as. */
const runsBefore = (state: AppState, counters: Counters): Map<number, string> => {
  const key = rolloutKey(state.record);
  if (state.runsBefore?.rollout !== key) {
    const runs = new Map([...counters.of(state.name)].map(([index, { run }]) => [index, run]));
    state.runsBefore = { rollout: key, runs };
  }
  return state.runsBefore.runs;
};

/** Notes how an instance ended that was gone before anybody looked. */
const learnExit = (app: string, index: number, counters: Counters, backend: Backend): void => {
  const exit = backend.lastExit?.(app, index);
  const track = counters.get(app, index);
  if (exit === undefined || exit.at === track.countedExitAt) return;
  counters.set(app, index, { ...track, exit, countedExitAt: exit.at });
};
