import { hasReadinessSignal } from "../domain/app.ts";
import { VelosError } from "../domain/errors.ts";
import type { ObservedInstance } from "../domain/instance.ts";
import { describeExit } from "../domain/instance.ts";
import { knownSpecs } from "../domain/known-specs.ts";
import { isWanted } from "../domain/record.ts";
import { isActive, toRestartAsTheyAre } from "../domain/rollout.ts";
import type { AppState } from "./app-state.ts";
import type { Converge } from "./converge.ts";

/**
 * How long an instance must have been up before a command says that it is: long enough to catch a program that ends
 * on a bad argument or a syntax error, short enough not to be noticed.
 */
const GRACE_MS = 200;

/** What a command waits for: `all` there is to do, or what starts and stops, but no rollout. */
export type Wait = "all" | "start";

export interface SettleOptions {
  /** `any`: an instance that is wanted and does not run is an error. */
  failOn: "any" | "none";
  /** Only these instances count as failures. */
  indexes?: readonly number[];
  until?: "deleted";
}

/**
 * Waits until the world agrees with what is desired of an app.
 * @throws VelosError INSTANCE_FAILED when an instance crashes or does not come up, ROLLOUT_STALLED when a rollout
 *   stopped, OPERATION_SUPERSEDED when another command wanted something else meanwhile
 */
export const settle = async (converge: Converge, state: AppState, options: SettleOptions): Promise<void> => {
  const began = Date.now();
  const revision = state.revision;
  // One that has ended is not this command's.
  const rollout = isActive(state.record.rollout) ? state.record.rollout.id : undefined;
  const relevant = (index: number): boolean => options.indexes?.includes(index) ?? true;

  // A rollout that is paused, or will be before it has come to them, restarts instances as its budget allows.
  const isHeldUp = (): boolean => {
    const { record, name } = state;
    const late = toRestartAsTheyAre(record, converge.observe(name)).find(({ index }) =>
      options.indexes?.includes(index),
    );
    if (late === undefined) return false;
    if (Date.now() < began + record.spec.rollout.deadlineMs) return true;
    throw new VelosError("ROLLOUT_STALLED", {
      app: name,
      index: late.index,
      why: `it ${record.rollout?.status === "paused" ? "is paused" : "stopped at a failure"}, and ${name}:${late.index} is not restarted while too few others serve`,
      hint: `\`velos rollout resume ${name}\` goes on with it`,
    });
  };

  const check = (): "wait" | "done" => {
    if (state.deleted && converge.get(state.name) !== state) {
      if (options.until === "deleted") return "done";
      throw new VelosError("OPERATION_SUPERSEDED", { app: state.name });
    }
    if (options.until === "deleted") {
      const failure = state.failures.get(-1);
      if (failure && failure.at >= began)
        throw new VelosError("STORE_FAILED", { app: state.name, why: failure.why, path: "the store" });
      if (!state.record.deleting) throw new VelosError("OPERATION_SUPERSEDED", { app: state.name });
      return "wait";
    }
    const { record } = state;
    if (options.failOn === "any") {
      if (state.revision !== revision && (!record.running || record.deleting)) {
        throw new VelosError("OPERATION_SUPERSEDED", { app: state.name });
      }
      if (rollout === undefined || record.rollout?.id !== rollout) throwFailure(converge, state, began, relevant);
    }
    if (options.failOn === "any" && isHeldUp()) return "wait";
    return converge.isSettled(state) ? "done" : "wait";
  };

  for (;;) {
    const { deadlineMs } = state.record.spec.rollout;
    // Nothing may happen any more that makes anybody look; timers may fire a fraction early.
    const timer = rollout && setTimeout(() => converge.wake(state.name), began + deadlineMs - Date.now() + 1);
    await waitFor(state, check).finally(() => clearTimeout(timer));
    if (options.failOn === "none" || options.until === "deleted") return;
    throwStalled(state, rollout);
    // An app that says itself when it is ready has said so.
    if (!hasReadinessSignal(state.record.spec)) await graceOver(converge, state);
    throwFailure(converge, state, began, relevant);
    await allWell(converge, state, began, relevant);
    // One that has just ended, and of which nobody can say yet what becomes of it.
    if (converge.isSettled(state)) return;
  }
};

/**
 * Resolves when the instances that the command started have passed their health check once, where they have one.
 * @throws VelosError INSTANCE_FAILED for one that fails it, or has not passed it within the deadline of rollouts
 */
const allWell = async (
  converge: Converge,
  state: AppState,
  began: number,
  relevant: (index: number) => boolean,
): Promise<void> => {
  const { name } = state;
  const { rollout: settings } = state.record.spec;
  if (!knownSpecs(state.record).some(({ health }) => health)) return;
  const fail = (index: number, why: string): never => {
    throw new VelosError("INSTANCE_FAILED", { app: name, index, why });
  };
  const deadline = performance.now() + Math.max(0, began + settings.deadlineMs - Date.now());
  // Timers may fire a fraction early, and nobody would look again.
  const timer = setTimeout(() => converge.wake(name), Math.ceil(deadline - performance.now()) + 1);
  try {
    await waitFor(state, () => {
      const { record } = state;
      const { rollout } = record;
      if (rollout?.reason === "health" && rollout.startedAt >= began) {
        const index = Number(Object.keys(rollout.from)[0]);
        if (relevant(index)) fail(index, "its health check failed; it is started again");
      }
      // Those that ran before the command are not its business.
      const isNew = ({ index, status, startedAt = 0 }: ObservedInstance): boolean =>
        relevant(index) && isWanted(record, index) && status === "online" && startedAt >= began;
      const asked = converge.observe(name).filter(isNew);
      for (const { index, unwell } of asked) if (unwell !== undefined) fail(index, `${unwell}; it is started again`);
      // One on the spec of before, restarted in a pause, is not asked where that has no check.
      const late = asked.find(({ wellAt, seenAt }) => wellAt === undefined && seenAt !== undefined);
      if (late === undefined) return "done";
      if (performance.now() >= deadline)
        fail(late.index, `its health check has not passed within ${settings.deadlineMs / 1000} s`);
      return "wait";
    });
  } finally {
    clearTimeout(timer);
  }
};

/**
 * Commands that wait for one app. Those that have gone away, as a schedule's that gave up, cannot be told from those that
 * still wait; an app that never settles would gather them for ever.
 */
const MOST_WAITING = 100;

/** Ends the wait, by app, of those that wait the longest first. */
const waiting = new WeakMap<AppState, Set<() => void>>();

/** Calls `check` now and after every pass, until it says `done` or throws. */
const waitFor = async (state: AppState, check: () => "wait" | "done"): Promise<void> => {
  const others = waiting.get(state) ?? new Set();
  waiting.set(state, others);
  await new Promise<void>((resolve, reject) => {
    const leave = (): void => {
      state.waiters.delete(look);
      others.delete(giveUp);
    };
    const look = (): void => {
      try {
        if (check() === "wait") return;
        resolve();
      } catch (error) {
        reject(error);
      }
      leave();
    };
    const giveUp = (): void => {
      leave();
      reject(new VelosError("OPERATION_SUPERSEDED", { app: state.name }));
    };
    state.waiters.add(look);
    others.add(giveUp);
    look();
    const [oldest] = others;
    if (others.size > MOST_WAITING) oldest!();
  });
};

/** Resolves when the youngest instance has been up for the grace time, or at once when one is not up any more. */
const graceOver = async (converge: Converge, state: AppState): Promise<void> => {
  const online = converge.observe(state.name).filter(({ status }) => status === "online");
  const youngest = Math.max(0, ...online.map(({ startedAt }) => startedAt ?? 0));
  const wait = youngest + GRACE_MS - Date.now();
  if (wait <= 0) return;
  await new Promise<void>((resolve) => {
    const look = (): void => {
      const now = converge.observe(state.name);
      if (
        !online.some(
          ({ index, run }) =>
            !now.some((other) => other.index === index && other.run === run && other.status === "online"),
        )
      )
        return;
      done();
    };
    const timer = setTimeout(() => done(), wait);
    const done = (): void => {
      clearTimeout(timer);
      state.waiters.delete(look);
      resolve();
    };
    state.waiters.add(look);
  });
};

const throwStalled = (state: AppState, id: string | undefined): void => {
  const { rollout } = state.record;
  if (!rollout || rollout.id !== id || !rollout.failure) return;
  const { index, why } = rollout.failure;
  const reverted = rollout.kind === "revert" && rollout.status === "done";
  throw new VelosError("ROLLOUT_STALLED", {
    app: state.name,
    index,
    why: `${state.name}:${index} did not come up (${why})`,
    hint: reverted
      ? `every instance is back on the spec from before; see \`velos logs ${state.name}:${index}\``
      : `the other instances go on as before; see \`velos logs ${state.name}:${index}\``,
  });
};

/** Throws for an instance that is wanted and crashed, failed, or was given up since the command began. */
const throwFailure = (
  converge: Converge,
  state: AppState,
  began: number,
  relevant: (index: number) => boolean,
): void => {
  const { record } = state;
  const fail = (index: number, why: string): never => {
    throw new VelosError("INSTANCE_FAILED", { app: state.name, index, why });
  };
  for (const [key, hold] of Object.entries(record.holds)) {
    const index = Number(key);
    if (!relevant(index) || hold.at < began || hold.why === "command" || hold.why === "operator") continue;
    const why = state.failures.get(index)?.why ?? (hold.exit ? describeExit(hold.exit) : "it ended");
    if (hold.why === "exited" && (hold.exit?.code ?? 0) === 0) continue;
    fail(index, hold.why === "gave-up" ? `${why}, again and again; velos gave up` : why);
  }
  for (const instance of converge.observe(state.name)) {
    if (!relevant(instance.index) || !isWanted(record, instance.index)) continue;
    if (instance.status !== "waiting" && instance.status !== "errored" && !hasCrashedSince(instance, began)) continue;
    if (state.pending.has(instance.index) || (instance.exit?.at ?? 0) < began) continue;
    const why = instance.exit ? describeExit(instance.exit) : (state.failures.get(instance.index)?.why ?? "it ended");
    fail(instance.index, instance.status === "errored" ? why : `${why}; it is started again`);
  }
};

/** True when a run that began after the command did has ended by itself, whatever has become of the instance since. */
const hasCrashedSince = ({ restarts, exit }: ObservedInstance, began: number): boolean =>
  restarts > 0 && exit?.ranMs !== undefined && exit.at - exit.ranMs >= began;
