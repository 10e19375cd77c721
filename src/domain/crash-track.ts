import type { Exit, ObservedInstance } from "./instance.ts";

/**
 * What is remembered of an instance from one look to the next, to count restarts and to notice a crash loop. It is
 * kept by index, across velosd's own restarts.
 */
export interface CrashTrack {
  /** Run and automatic restarts at the last look. */
  run: string;
  restarts: number;
  /** Start of the last seen run, in milliseconds since the epoch. */
  startedAt?: number;
  /** The run that was last seen online: one that ended without it never came up, however long it took. */
  onlineRun?: string;
  /** Every restart there ever was, automatic or by hand; never goes down. */
  total: number;
  /** Runs that ended since the supervisor's counter began: as many as `restarts`, or one more. */
  ended: number;
  /** Runs in a row that were shorter than min_uptime, the crash now being waited out included. */
  shortRuns: number;
  /** Time of the exit that was last counted in `shortRuns`. */
  countedExitAt?: number;
  /** The last exit seen. */
  exit?: Exit;
}

export const newTrack = (): CrashTrack => ({ run: "", restarts: 0, total: 0, ended: 0, shortRuns: 0 });

/**
 * The track after another look. A changed run is a restart: by the supervisor when its counter grew (by as many as it
 * grew: looks may miss some), else by hand. The supervisor's counter begins again at each manual restart, which is why
 * the total is kept here.
 *
 * Runs that ended are counted by their exits; where looks missed some, there are at least as many as restarts. So a
 * crash that is seen first as an exit (waiting, counter 0) and then as a restart (counter 1) is counted once.
 */
export const trackRun = (track: CrashTrack, instance: ObservedInstance, minUptimeMs: number): CrashTrack => {
  const next: CrashTrack = { ...track };
  const changed = instance.run !== "" && instance.run !== track.run;
  const known = track.run !== "";
  const automatic = known ? Math.max(0, instance.restarts - track.restarts) : 0;

  const exit = instance.exit;
  const isNew = exit !== undefined && exit.at !== track.countedExitAt;
  // Of an instance that was not known, only the end that can be seen counts.
  const endedBefore = known ? track.ended : Math.max(0, instance.restarts - Number(isNew));
  next.ended = Math.max(endedBefore + Number(isNew), instance.restarts);
  next.shortRuns += next.ended - endedBefore;
  if (isNew) {
    next.exit = exit;
    next.countedExitAt = exit.at;
    const ranMs = exit.ranMs ?? (track.startedAt === undefined ? 0 : exit.at - track.startedAt);
    // A run that was timed out before it was ready is not a long one. Runs that nobody saw are given the benefit.
    const neverUp = exit.result === "timeout" && track.onlineRun !== track.run && known;
    if (ranMs >= minUptimeMs && !neverUp) next.shortRuns = 0;
  }

  if (changed) {
    if (known) next.total += automatic > 0 ? automatic : 1 + instance.restarts;
    if (known && automatic === 0) Object.assign(next, { shortRuns: 0, ended: instance.restarts });
    next.run = instance.run;
    next.restarts = instance.restarts;
  }
  if (instance.status === "online") next.onlineRun = instance.run;
  if (instance.startedAt !== undefined) next.startedAt = instance.startedAt;
  return next;
};

/** The track of an instance that is gone: its next run is a start, not a restart. */
export const endTrack = (track: CrashTrack): CrashTrack => {
  const next: CrashTrack = { ...track, run: "", restarts: 0, ended: 0, shortRuns: 0 };
  delete next.startedAt;
  return next;
};

/** True when the instance has crashed more often in a row than it may, and is about to do so again or has just begun. */
export const hasGivenUp = (
  track: CrashTrack | undefined,
  instance: ObservedInstance,
  limits: { maxRestarts: number; minUptimeMs: number },
  now: number,
): boolean => {
  if (track === undefined || track.shortRuns <= limits.maxRestarts) return false;
  if (instance.status === "waiting" || instance.status === "starting") return true;
  return (
    instance.status === "online" && instance.restarts > 0 && now - (instance.startedAt ?? now) < limits.minUptimeMs
  );
};
