import { fingerprint } from "./app.ts";
import type { ObservedInstance } from "./instance.ts";
import { describeExit } from "./instance.ts";
import type { AppRecord } from "./record.ts";
import { wantedIndexes } from "./record.ts";
import type { Rollout, RolloutFailure, RolloutPace } from "./rollout.ts";
import { isActive, isReplaced, readyAt, readyOnItsSpec, rolloutPace, toRestartAsTheyAre } from "./rollout.ts";

/**
 * One step towards the desired state. `start` makes the instance on the record's spec; `stop` ends it gracefully;
 * `restart` gives it a new run on the spec it has; `clear` frees the name of one that is dead but still known.
 */
export type Action =
  | { type: "start"; index: number }
  | { type: "stop"; index: number }
  | { type: "restart"; index: number }
  | { type: "clear"; index: number };

/** What is under way for an index: the action was given to the backend and has not been answered. */
export type Pending = ReadonlyMap<number, Action["type"]>;

export interface Observed {
  instances: readonly ObservedInstance[];
  pending: Pending;
  /** Starts of this rollout that the backend refused, by index. */
  refused: ReadonlyMap<number, string>;
}

export interface Plan {
  /** At most one for an index. Empty, with no `lookAgainAt` and no `verdict`: nothing to do until something happens. */
  actions: Action[];
  /** When to look again although nothing happens, in milliseconds since the epoch. */
  lookAgainAt?: number;
  /** How the rollout under way ended. */
  verdict?: { status: "done" } | { status: "stalled"; failure: RolloutFailure };
}

const isAlive = (instance: ObservedInstance): boolean =>
  instance.status === "online" || instance.status === "starting" || instance.status === "waiting";

/**
 * What to do next for one app: a pure function of what is desired, what is seen, and the time.
 *
 * Worked example: four instances, `scale api 2` → stop 2 and 3. A reload of four with max_unavailable 1 → restart 3;
 * then nothing but `lookAgainAt` until 3 is ready for min_ready and the pause is over; restart 2; … ; verdict done.
 *
 * Holds (tested as properties): one action per index; none for an index with an action pending, but a stop, which may
 * overtake a start or restart; `start` only for an absent index, anything else only for one that is there; while a gated
 * rollout runs, no action takes the available instances below wanted − max_unavailable; while it is paused, or stalled,
 * none takes anybody down but `restart` of who was to be restarted meanwhile, within the same budget; repeated, it comes
 * to an end.
 */
export const plan = (record: AppRecord, observed: Observed, now: number): Plan => {
  const wanted = wantedIndexes(record);
  const rollout = isActive(record.rollout) && record.running && !record.deleting ? record.rollout : undefined;
  const context = rollout
    ? rolloutContext(record, rollout, wanted, observed, now)
    : record.rollout?.status === "stalled" && record.again
      ? stalledContext(record, wanted, observed, now)
      : undefined;
  const desired = new Set([...wanted, ...(context?.surge ?? [])]);
  const byIndex = new Map(observed.instances.map((instance) => [instance.index, instance]));
  const actions: Action[] = [];

  for (const instance of observed.instances) {
    if (desired.has(instance.index)) continue;
    const pending = observed.pending.get(instance.index);
    if (isAlive(instance)) {
      if (pending !== "stop") actions.push({ type: "stop", index: instance.index });
    } else if (instance.status !== "stopping" && pending === undefined && !isKept(record, instance.index)) {
      actions.push({ type: "clear", index: instance.index });
    }
  }
  for (const index of desired) {
    if (observed.pending.has(index)) continue;
    const instance = byIndex.get(index);
    if (instance === undefined) {
      if (!context?.verdict && !observed.refused.has(index)) actions.push({ type: "start", index });
    } else if (instance.status === "stopped" || instance.status === "errored") {
      // A wanted instance that is dead but known occupies its name: free it, and it is started in the next pass.
      if (!context?.verdict) actions.push({ type: "clear", index });
    }
  }
  if (context === undefined) return { actions };
  actions.push(...context.actions);
  return {
    actions,
    ...(context.lookAgainAt !== undefined && { lookAgainAt: context.lookAgainAt }),
    ...(context.verdict && { verdict: context.verdict }),
  };
};

/** A dead unit stays visible while it explains why the instance is down. */
const isKept = (record: AppRecord, index: number): boolean => {
  const hold = record.holds[index];
  return (
    record.running && !record.deleting && index < record.instances && (hold?.why === "failed" || hold?.why === "exited")
  );
};

interface RolloutContext {
  actions: Action[];
  /** Extra indexes that should run while it lasts. */
  surge: number[];
  lookAgainAt?: number;
  verdict?: NonNullable<Plan["verdict"]>;
}

const rolloutContext = (
  record: AppRecord,
  rollout: Rollout,
  wanted: readonly number[],
  observed: Observed,
  now: number,
): RolloutContext => {
  const spec = record.spec;
  const pace = rolloutPace(rollout.kind, spec, wanted.length);
  const print = fingerprint(spec);
  const byIndex = new Map(observed.instances.map((instance) => [instance.index, instance]));
  const extra = Array.from({ length: pace.surge }, (_, k) => record.instances + k);
  const affected = wanted.filter((index) => rollout.from[index] !== undefined);
  const isNew = (instance: ObservedInstance): boolean => isReplaced(instance, rollout, print);
  const isLeaving = (index: number): boolean => {
    const pending = observed.pending.get(index);
    return pending !== undefined && pending !== "start";
  };
  /** When an instance counts as available, a new one being back included; undefined while nobody can say. */
  const availableAt = (instance: ObservedInstance): number | undefined => {
    if (!pace.gated) return instance.status === "online" ? (instance.onlineAt ?? 0) : undefined;
    if (!isNew(instance)) return readyOnItsSpec(record, instance);
    const ready = readyAt(instance, spec);
    return ready === undefined ? undefined : ready + pace.minReadyMs;
  };
  const isAvailable = (index: number): boolean => {
    const instance = byIndex.get(index);
    if (instance === undefined || isLeaving(index)) return false;
    const at = availableAt(instance);
    return at !== undefined && at <= now;
  };

  const remaining = affected.filter((index) => {
    const instance = byIndex.get(index);
    if (!pace.gated && observed.refused.has(index)) return false;
    return instance === undefined || !isNew(instance) || !isAvailable(index);
  });
  if (remaining.length === 0) return { actions: [], surge: [], verdict: { status: "done" } };

  const there = [...affected, ...extra].flatMap((index) => byIndex.get(index) ?? []);
  const fresh = there.filter(isNew);
  const others = new Set(there.flatMap(({ index, fingerprint: its }) => (its === print ? [] : [index])));
  const failure = pace.gated
    ? findFailure([...wanted, ...extra], fresh, others, observed, rollout, pace, spec.health !== undefined, now)
    : undefined;
  // The surge instances stay for the moment: they serve, and a revert may need them.
  if (failure) return { actions: [], surge: extra, verdict: { status: "stalled", failure } };

  // Who is still to go: a surge index too, when something from before occupies it (an abandoned spec, or a wanted
  // instance until the app was scaled down).
  const old = there.filter(
    (instance) => !isNew(instance) && isAlive(instance) && mayGo(instance, rollout, print, observed),
  );
  const back = fresh.filter(({ index }) => index < record.instances && isAvailable(index));
  const pauseUntil = Math.max(0, ...back.map((instance) => (availableAt(instance) ?? 0) + pace.pauseMs));

  // Look again when the next wait is over: an instance becomes available, a deadline passes, the pause ends.
  const waits = [
    ...[...wanted, ...extra].map((index) => (byIndex.has(index) ? availableAt(byIndex.get(index)!) : undefined) ?? 0),
    ...fresh.map((instance) => deadlineOf(instance, pace, spec.health !== undefined)),
    ...(old.length > 0 ? [pauseUntil] : []),
  ];
  const lookAgain = soonest(waits, now);

  // One budget for the whole app. available counts every instance that serves, on the old spec or the new, surge
  // included; an instance may go when those left are ≥ wanted − max_unavailable, or when it does not serve anyway.
  // Four instances, max_unavailable 1: available 4 → one may go (3 ≥ 3); while it is out available is 3 → none may.
  // Four, one of them crash-looping: that one goes first, and costs nothing; then available is 3 until it is back.
  // Four that came up a moment ago, none ready yet: available 0 → they serve, so none may go before three are ready.
  // The extra instances come first: a spec that does not come up is found out before anybody is touched for it.
  let available = [...wanted, ...extra].filter(isAvailable).length;
  const floor = wanted.length - pace.maxUnavailable;
  const actions: Action[] = [];

  // Paused: whoever is out comes back, nobody else goes; but for those that were to be restarted, as they are.
  if (rollout.status === "paused") {
    actions.push(...restartsAsTheyAre(record, there, observed, { isAvailable, available, floor }));
    return { actions, surge: extra.filter((index) => byIndex.has(index)), ...lookAgain };
  }

  const extraIsUp = extra.every((index) => isAvailable(index) && isNew(byIndex.get(index)!));
  for (const instance of old.sort(byTurn)) {
    const { index, fingerprint: itsPrint } = instance;
    const left = available - Number(isAvailable(index));
    const mustWait = pauseUntil > now || left < floor || (!extraIsUp && index < record.instances);
    if (serves(instance) && mustWait) continue;
    available = left;
    actions.push({ type: itsPrint === print && !observed.pending.has(index) ? "restart" : "stop", index });
  }
  return { actions, surge: extra, ...lookAgain };
};

/** What rations those who go: who is available, how many are, and how many there must be. */
interface Budget {
  isAvailable: (index: number) => boolean;
  available: number;
  floor: number;
}

/** Restarts of those that were to be restarted while no rollout replaces them; who serves only as the budget allows. */
const restartsAsTheyAre = (
  record: AppRecord,
  there: readonly ObservedInstance[],
  observed: Observed,
  budget: Budget,
): Action[] => {
  let { available } = budget;
  const actions: Action[] = [];
  const again = toRestartAsTheyAre(record, there).filter(({ index }) => !observed.pending.has(index));
  for (const instance of again.sort(byTurn)) {
    const left = available - Number(budget.isAvailable(instance.index));
    if (serves(instance) && left < budget.floor) continue;
    available = left;
    actions.push({ type: "restart", index: instance.index });
  }
  return actions;
};

/**
 * After a rollout that stopped at a failure: instances of two specs serve side by side, until somebody decides. Who is to
 * be restarted meanwhile is, on the spec that it has: the new one is known to fail.
 */
const stalledContext = (
  record: AppRecord,
  wanted: readonly number[],
  observed: Observed,
  now: number,
): RolloutContext => {
  const there = observed.instances.filter(({ index }) => wanted.includes(index));
  const readyAts = new Map(there.map((instance) => [instance.index, readyOnItsSpec(record, instance)]));
  const isAvailable = (index: number): boolean => {
    const pending = observed.pending.get(index);
    return (readyAts.get(index) ?? Infinity) <= now && (pending === undefined || pending === "start");
  };
  // No extra one comes first here, so one may always be out: else nothing would ever be restarted.
  const mayBeOut = Math.max(1, rolloutPace("reload", record.spec, wanted.length).maxUnavailable);
  const floor = wanted.length - mayBeOut;
  const available = wanted.filter(isAvailable).length;
  const actions = restartsAsTheyAre(record, there, observed, { isAvailable, available, floor });
  const isWaited = toRestartAsTheyAre(record, there).length > actions.length;
  return {
    actions,
    surge: [],
    ...(isWaited &&
      soonest(
        [...readyAts.values()].map((at) => at ?? 0),
        now,
      )),
  };
};

/** True for an instance that is up and not known to be unwell: taking it may take something away. */
const serves = (instance: ObservedInstance): boolean => instance.status === "online" && instance.unwell === undefined;

/** Who does not serve goes first, then the highest index. */
const byTurn = (a: ObservedInstance, b: ObservedInstance): number =>
  Number(serves(a)) - Number(serves(b)) || b.index - a.index;

/**
 * False while something is under way for an old instance that must be waited for. A start or restart that belongs to an
 * older spec is not, since it may never be answered: a stop overtakes it.
 */
const mayGo = (instance: ObservedInstance, rollout: Rollout, print: string, observed: Observed): boolean => {
  const pending = observed.pending.get(instance.index);
  // On the wanted spec and without a run: it is only just being started.
  if (instance.fingerprint === print && instance.run === "") return false;
  if (pending === "start") return instance.fingerprint !== print || instance.run === rollout.from[instance.index];
  return pending === undefined || (pending === "restart" && instance.fingerprint !== print);
};

/**
 * When an instance that is on its way up is late; Infinity for any other. On its way is one that starts, and one that
 * is up but has not passed its health check yet: that one has its time from when there was somebody to ask it.
 */
const deadlineOf = (instance: ObservedInstance, pace: RolloutPace, hasHealth: boolean): number => {
  const { status, startedAt, seenAt = 0, wellAt } = instance;
  if (startedAt === undefined) return Infinity;
  if (status === "starting") return startedAt + pace.deadlineMs;
  return hasHealth && status === "online" && wellAt === undefined
    ? Math.max(startedAt, seenAt) + pace.deadlineMs
    : Infinity;
};

const findFailure = (
  indexes: readonly number[],
  fresh: readonly ObservedInstance[],
  others: ReadonlySet<number>,
  observed: Observed,
  rollout: Rollout,
  pace: RolloutPace,
  hasHealth: boolean,
  now: number,
): RolloutFailure | undefined => {
  for (const index of indexes) {
    // A restart on the spec of before, in a pause, says nothing about the new one.
    if (others.has(index)) continue;
    const refused = observed.refused.get(index);
    if (refused !== undefined) return { index, why: refused };
  }
  for (const instance of fresh) {
    const { index, exit } = instance;
    // A remnant that is being cleared away already: its index was not wanted for a moment.
    const pending = observed.pending.get(index);
    if (pending === "clear") continue;
    // What is being restarted or stopped ends because it was told to: of an app that crashes again and again, the run that
    // the supervisor began just before is on its way out.
    const isTold = pending === "restart" || pending === "stop";
    if (!isTold && hasEnded(instance, rollout)) return { index, why: exit ? describeExit(exit) : "it ended" };
    if (!isTold && instance.unwell !== undefined) return { index, why: instance.unwell };
    if (deadlineOf(instance, pace, hasHealth) <= now)
      return { index, why: `not ready within ${pace.deadlineMs / 1000} s` };
  }
  return undefined;
};

/**
 * True when a run that the rollout brought about has ended by itself. An instance of the same spec that crashed before
 * its turn came is on a new run too, but the run that ended was not the rollout's.
 */
const hasEnded = (instance: ObservedInstance, rollout: Rollout): boolean => {
  if (instance.status === "waiting" || instance.status === "errored" || instance.status === "stopped") return true;
  if (instance.restarts === 0) return false;
  const { at, ranMs } = instance.exit ?? {};
  return at === undefined || ranMs === undefined || at - ranMs >= rollout.startedAt;
};

/** The first of some moments that is still to come. */
const soonest = (moments: readonly number[], now: number): { lookAgainAt?: number } => {
  const at = Math.min(...moments.filter((moment) => moment > now));
  return Number.isFinite(at) ? { lookAgainAt: at } : {};
};
