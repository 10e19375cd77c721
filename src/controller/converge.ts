import type { Backend, MissedInstance } from "../backend/backend.ts";
import { absorb } from "../domain/absorb.ts";
import type { AppSpec } from "../domain/app.ts";
import { fingerprint, specDigest } from "../domain/app.ts";
import { finishRollout, stopRollout } from "../domain/begin-rollout.ts";
import { VelosError } from "../domain/errors.ts";
import type { ObservedInstance } from "../domain/instance.ts";
import { specOfInstance } from "../domain/known-specs.ts";
import type { Action, Plan } from "../domain/plan.ts";
import { plan } from "../domain/plan.ts";
import type { AppRecord } from "../domain/record.ts";
import { isActive } from "../domain/rollout.ts";
import { AppState } from "./app-state.ts";
import { countLook, missedInstances, rolloutKey } from "./count-look.ts";
import type { Counters } from "./counters.ts";
import type { Events } from "./events.ts";
import type { Identities } from "./identities.ts";
import type { Observer } from "./observer.ts";
import { recordDrain, recordRollout } from "./record-tallies.ts";
import type { Store } from "./store.ts";
import { Witness } from "./witness.ts";

/** How long an instance is left alone after the backend could not be reached. */
const RETRY_MS = 500;

export interface ConvergeOptions {
  backend: Backend;
  store: Store;
  counters: Counters;
  events: Events;
  identities: Identities;
  observer?: Observer | undefined;
  now: () => number;
  /** For what nobody waits for: one line each. */
  report: (problem: string) => void;
  /** What is known of the instances' health; see health.ts. */
  annotate: (record: AppRecord, instances: readonly ObservedInstance[]) => readonly ObservedInstance[];
  /** Told after each look at an app: what an operator sees of it may be another. */
  looked: (app: string) => void;
}

/**
 * The only loop that acts. For each app: observe, absorb what happened, plan, apply, and wait for an event; then look
 * again. A pass takes no time and awaits nothing; actions run beside it and wake their app when they end.
 */
export class Converge {
  readonly #options: ConvergeOptions;
  readonly #witness: Witness | undefined;
  readonly #states = new Map<string, AppState>();
  readonly #woken = new Set<string>();
  #scheduled = false;
  #isOpen = false;
  #closed = false;

  constructor(options: ConvergeOptions) {
    this.#options = options;
    const { observer, backend, counters, now } = options;
    if (observer) this.#witness = new Witness({ observer, backend, counters, now });
  }

  /** The apps there are, by name. */
  names(): string[] {
    return [...this.#states.keys()].sort();
  }

  get(app: string): AppState | undefined {
    return this.#states.get(app);
  }

  /** The app's instances as the backend knows them. */
  observe(app: string): readonly ObservedInstance[] {
    const record = this.#states.get(app)?.record;
    const instances = this.#options.backend.observe(app);
    return record ? this.#options.annotate(record, instances) : instances;
  }

  /** Takes a record over: at the start of velosd. */
  adopt(record: AppRecord): void {
    this.#states.set(record.spec.name, new AppState(record));
    this.wake(record.spec.name);
  }

  /** Begins to look, once the records are adopted and what nobody saw is counted. */
  async open(): Promise<void> {
    await this.#catchUp();
    this.#isOpen = true;
    for (const app of this.#woken) this.wake(app);
  }

  /**
   * Saves a new app, then begins to bring it up.
   * @throws VelosError STORE_FAILED, and nothing was changed
   */
  async create(record: AppRecord): Promise<AppState> {
    const state = new AppState(record);
    this.#states.set(state.name, state);
    try {
      await state.exclusively(() => this.#options.store.save(record));
    } catch (error) {
      this.#states.delete(state.name);
      throw error;
    }
    state.revision++;
    this.#options.events.emit({ type: "app", app: state.name, change: "created", at: this.#options.now() });
    this.wake(state.name);
    return state;
  }

  /**
   * Changes what is desired: on disk first, then in memory, then in the world. `change` may be applied twice (the
   * record can move while it is being saved), so it must only say what it wants.
   * @throws VelosError STORE_FAILED, and nothing was changed
   */
  async change(state: AppState, change: (record: AppRecord) => AppRecord): Promise<void> {
    await state.exclusively(async () => {
      if (state.deleted) throw new VelosError("APP_NOT_FOUND", { selector: state.name });
      const before = state.record;
      const next = { ...change(before), updatedAt: this.#options.now() };
      await this.#options.store.save(next);
      if (state.record === before) this.#take(state, next);
      else this.#replace(state, { ...change(state.record), updatedAt: this.#options.now() });
    });
    state.revision++;
    state.refused.clear();
    state.retryAt.clear();
    this.#options.events.emit({ type: "app", app: state.name, change: "updated", at: this.#options.now() });
    this.wake(state.name);
  }

  /** Looks at the app soon; many wakes become one look. */
  wake(app: string): void {
    this.#woken.add(app);
    if (this.#scheduled || this.#closed || !this.#isOpen) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const apps = [...this.#woken];
      this.#woken.clear();
      for (const name of apps) this.#pass(name);
    });
  }

  /** Resolves when what has woken an app was looked at: what the backend shows is then counted, too. */
  async caughtUp(): Promise<void> {
    if (this.#scheduled) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Stops looking; what is under way at the backend goes on there. Resolves when nothing is being stored any more. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const state of this.#states.values()) clearTimeout(state.timer);
    await Promise.all([...this.#states.values()].map(async (state) => state.exclusively(async () => {})));
  }

  /** True when nothing is to be done, under way, or on its way for the app. */
  isSettled(state: AppState): boolean {
    const instances = this.observe(state.name);
    return (
      state.pending.size === 0 &&
      ![...state.retryAt.values()].some(({ at }) => at > performance.now()) &&
      (state.record.running || state.released) &&
      !instances.some(({ status }) => status === "starting" || status === "stopping") &&
      !(isActive(state.record.rollout) && state.record.rollout.status === "running" && state.record.running) &&
      this.#plan(state, instances).actions.length === 0
    );
  }

  /** Counts what happened while no velosd looked, as far as the backend can tell: as if each end had been seen. */
  async #catchUp(): Promise<void> {
    const { backend, counters } = this.#options;
    const missed = this.names().flatMap((app) => missedInstances(app, backend.observe(app), counters.of(app)));
    if (missed.length === 0) return;
    const looks = (await backend.pastLooks?.(missed)) ?? new Map<MissedInstance, ObservedInstance[]>();
    for (const app of new Set([...looks.keys()].map((one) => one.app))) {
      const state = this.#states.get(app)!;
      const past = new Map([...looks].flatMap(([one, seen]) => (one.app === app ? [[one.instance.index, seen]] : [])));
      const length = Math.max(...[...past.values()].map((seen) => seen.length));
      for (let step = 0; step < length; step++) {
        const instances = backend.observe(app).map((instance) => past.get(instance.index)?.[step] ?? instance);
        const sightings = countLook(state, instances, counters, backend);
        this.#witness?.looked(state, sightings);
      }
    }
  }

  #plan(state: AppState, instances: readonly ObservedInstance[]): Plan {
    const now = this.#options.now();
    const pending = new Map([...state.pending].map(([index, { type }]) => [index, type]));
    for (const [index, { at, type }] of state.retryAt)
      if (at > performance.now() && !pending.has(index)) pending.set(index, type);
    return plan(state.record, { instances, pending, refused: state.refused }, now);
  }

  #pass(app: string): void {
    const state = this.#states.get(app);
    if (!state || this.#closed) return;
    const { backend, counters, now } = this.#options;
    const instances = this.observe(app);
    const sightings = countLook(state, instances, counters, backend);
    const pending = new Map([...state.pending].map(([index, { type }]) => [index, type]));
    const absorbed = absorb(state.record, instances, pending, counters.of(app), backend.epoch, now());
    // What was given up is stopped below, and then nothing but this tells the next velosd why.
    if (Object.entries(absorbed.holds).some(([index, hold]) => hold.why === "gave-up" && !state.record.holds[index]))
      this.#options.store.note(absorbed);
    this.#replace(state, absorbed);
    this.#witness?.looked(state, sightings);
    const next = this.#plan(state, instances);
    for (const action of next.actions) this.#act(state, action);
    if (next.verdict) this.#conclude(state, next.verdict, instances);
    this.#setTimer(state, next.lookAgainAt);
    this.#announce(state, instances);
    if ((!state.record.running || state.record.deleting) && instances.length === 0 && state.pending.size === 0) {
      this.#release(state);
      if (state.record.deleting && state.released && state.claims === 0) void this.#finishDeletion(state);
    }
    state.notify();
    this.#options.looked(app);
  }

  #take(state: AppState, record: AppRecord): void {
    const before = state.record;
    const at = this.#options.now();
    recordRollout(this.#options.counters, before, record, at);
    state.record = record;
    this.#options.observer?.changed(before, record, at);
  }

  /** Takes over a record that changed by observation: kept in memory at once, on disk as soon as it can be. */
  #replace(state: AppState, record: AppRecord): void {
    if (record === state.record) return;
    this.#take(state, record);
    state.saved = state
      .exclusively(async () => {
        // Only the newest is worth writing.
        if (state.record === record && !state.deleted) await this.#options.store.save(record);
      })
      .catch((error: unknown) =>
        this.#options.report(`${(error as Error).message}; it will be found again by looking`),
      );
  }

  #act(state: AppState, action: Action): void {
    const entry = { type: action.type, rollout: rolloutKey(state.record) };
    state.pending.set(action.index, entry);
    const ends = action.type === "stop" || action.type === "restart";
    const watched = this.#witness?.watch(state, action);
    const drainsFrom = ends && state.announced.get(action.index) === "online" ? this.#options.now() : undefined;
    const run = this.#apply(state, action, watched?.traceparent).then(
      () => {
        watched?.over({});
        state.failures.delete(action.index);
        if (action.type === "start" && state.pending.get(action.index) === entry) this.#wasUp(state, action.index);
        if (drainsFrom !== undefined) this.#recordDrain(state.name, action, drainsFrom);
      },
      (error: unknown) => {
        watched?.over({ error, overtaken: state.pending.get(action.index) !== entry });
        // A start that a stop has overtaken fails, and that is what was wanted.
        if (state.pending.get(action.index) === entry) this.#failed(state, action, error);
      },
    );
    void run.finally(() => {
      if (state.pending.get(action.index) === entry) state.pending.delete(action.index);
      this.wake(state.name);
    });
  }

  /** Notes that an instance came up. It may be gone by the time anybody looks, and then it is not to be started again. */
  #wasUp(state: AppState, index: number): void {
    const { epoch } = this.#options.backend;
    const known = state.record.created.epoch === epoch ? state.record.created.indexes : [];
    if (known.includes(index)) return;
    this.#replace(state, { ...state.record, created: { epoch, indexes: [...known, index].sort((a, b) => a - b) } });
  }

  #recordDrain(app: string, action: Action, began: number): void {
    const { backend, counters, now } = this.#options;
    const instance = backend.observe(app).find(({ index }) => index === action.index);
    recordDrain(counters, app, action, began, now(), instance);
  }

  async #apply(state: AppState, action: Action, traceparent: string | undefined): Promise<void> {
    const { backend, identities } = this.#options;
    const { spec } = state.record;
    switch (action.type) {
      case "start": {
        const variables = identities.variables(spec, action.index, traceparent);
        await this.#claiming(state, async () => {
          await this.#prepare(state, spec);
          await backend.start(spec, action.index, state.record.instances, await variables);
        });
        // Limits that were changed meanwhile were set where instances were.
        if (state.record.spec !== spec && fingerprint(state.record.spec) === fingerprint(spec))
          await backend.adjust(state.record.spec, spec);
        return;
      }
      case "stop":
        return backend.stop(state.name, action.index);
      case "restart": {
        // In a rollout it may be one on the spec of before, which it keeps.
        const instance = backend.observe(state.name).find(({ index }) => index === action.index);
        const own = (instance && specOfInstance(state.record, instance)) ?? spec;
        return backend.restart(state.name, action.index, await identities.variables(own, action.index, traceparent));
      }
      // Why it is down is written down before: it is the only thing that tells the next velosd.
      case "clear":
        await state.saved;
        return backend.clear(state.name, action.index);
    }
  }

  /**
   * Makes what the instances of a stopped app share, and does the work that says that it is to run. Neither a stop nor a
   * deletion that comes meanwhile takes it away before that is said.
   * @throws VelosError PORT_IN_USE, BACKEND_FAILED, APP_NOT_FOUND for an app that is forgotten by then
   */
  async prepared<T>(state: AppState, spec: AppSpec, work: () => Promise<T>): Promise<T> {
    return this.#claiming(state, async () => {
      // It may just be being forgotten.
      await state.exclusively(async () => {});
      if (state.deleted) throw new VelosError("APP_NOT_FOUND", { selector: state.name });
      await this.#prepare(state, spec);
      return work();
    });
  }

  async #claiming<T>(state: AppState, work: () => Promise<T>): Promise<T> {
    state.claims++;
    try {
      return await work();
    } finally {
      state.claims--;
      if (state.claims === 0) this.wake(state.name);
    }
  }

  /** Makes what the instances share, before the first of them starts. */
  async #prepare(state: AppState, spec: AppSpec): Promise<void> {
    await state.releasing;
    state.released = false;
    const digest = specDigest(spec);
    // Instances that start together are prepared for once; those of another spec in turn.
    if (state.preparing?.digest !== digest) {
      const before = state.preparing?.done.catch(() => {});
      const done = Promise.resolve(before).then(() => this.#options.backend.prepare(spec));
      const preparing = { digest, done };
      state.preparing = preparing;
      const over = (): void => {
        if (state.preparing === preparing) state.preparing = undefined;
      };
      done.then(over, over);
    }
    await state.preparing.done;
  }

  /** Removes what the instances shared, once the app is stopped: its sockets are closed by that. */
  #release(state: AppState): void {
    if (state.released || state.releasing || state.claims > 0) return;
    state.releasing = this.#options.backend
      .release(state.name)
      .then(() => {
        state.released = true;
        state.releasing = undefined;
        this.wake(state.name);
      })
      .catch((error: unknown) => {
        state.releasing = undefined;
        this.#options.report((error as Error).message);
        this.#wakeLater(state.name, RETRY_MS);
      });
  }

  #failed(state: AppState, action: Action, error: unknown): void {
    const { backend, now } = this.#options;
    const { index } = action;
    const why = error instanceof VelosError ? String(error.details["why"] ?? error.message) : String(error);
    if (!(error instanceof VelosError)) this.#options.report(error instanceof Error ? (error.stack ?? why) : why);
    if (action.type === "stop" || action.type === "clear" || isUnreachable(error)) {
      state.retryAt.set(index, { at: performance.now() + RETRY_MS, type: action.type });
      this.#wakeLater(state.name, RETRY_MS);
      return;
    }
    state.failures.set(index, { why, at: now() });
    const rollout =
      isActive(state.record.rollout) && state.record.rollout.kind !== "restart" ? state.record.rollout : undefined;
    const isRollouts = rollout?.from[index] !== undefined || (rollout && index >= state.record.instances);
    if (isRollouts) {
      // What a rollout refused that has ended meanwhile says nothing about the one that followed.
      if (state.pending.get(index)?.rollout !== rolloutKey(state.record)) return;
      state.refused.set(index, why);
      return;
    }
    const found = backend.observe(state.name).find((instance) => instance.index === index);
    // While the supervisor tries again by itself, max_restarts decides.
    if (found && found.status !== "errored" && found.status !== "stopped") return;
    const hold = { why: "failed" as const, at: now(), ...(found?.exit && { exit: found.exit }) };
    this.#replace(state, { ...state.record, holds: { ...state.record.holds, [index]: hold } });
  }

  #conclude(state: AppState, verdict: NonNullable<Plan["verdict"]>, instances: readonly ObservedInstance[]): void {
    const { record } = state;
    const rollout = record.rollout!;
    const at = this.#options.now();
    state.refused.clear();
    this.#replace(
      state,
      verdict.status === "done"
        ? finishRollout(record, rollout, at)
        : stopRollout(record, rollout, verdict.failure, instances, at),
    );
    const ended = state.record.rollout!;
    this.#options.events.emit({
      type: "rollout",
      app: state.name,
      id: ended.id,
      status: ended.status,
      ...(ended.failure && { failure: ended.failure }),
      at,
    });
    this.wake(state.name);
  }

  #setTimer(state: AppState, lookAgainAt: number | undefined): void {
    clearTimeout(state.timer);
    state.timer = undefined;
    if (lookAgainAt === undefined) return;
    // One millisecond more: timers may fire a fraction early, and a look that is too early would spin.
    const wait = Math.max(1, lookAgainAt - this.#options.now() + 1);
    state.timer = setTimeout(() => this.wake(state.name), Math.min(wait, 2 ** 31 - 1));
  }

  #wakeLater(app: string, afterMs: number): void {
    setTimeout(() => this.wake(app), afterMs + 1).unref();
  }

  #announce(state: AppState, instances: readonly ObservedInstance[]): void {
    const at = this.#options.now();
    const seen = new Set<number>();
    for (const { index, status, pid, run } of instances) {
      seen.add(index);
      const previous = state.announced.get(index) ?? "absent";
      // Restarted so fast that nobody saw it down: that it is online again is news all the same.
      const again = status === "online" && run !== state.announcedRuns.get(index);
      if (previous === status && !again) continue;
      state.announced.set(index, status);
      if (status === "online") state.announcedRuns.set(index, run);
      this.#options.events.emit({
        type: "instance",
        app: state.name,
        index,
        status,
        previous,
        ...(pid !== undefined && { pid }),
        at,
      });
    }
    for (const [index, previous] of [...state.announced]) {
      if (seen.has(index)) continue;
      state.announced.delete(index);
      state.announcedRuns.delete(index);
      this.#options.events.emit({ type: "instance", app: state.name, index, status: "absent", previous, at });
    }
  }

  /** Forgets an app of which nothing runs; unless it was wanted again in the meantime, which is decided in turn with that. */
  async #finishDeletion(state: AppState): Promise<void> {
    if (state.finishing || state.deleted) return;
    state.finishing = true;
    const { events, now, report } = this.#options;
    try {
      await state.exclusively(() => this.#forget(state));
    } catch (error) {
      report((error as Error).message);
      state.failures.set(-1, { why: (error as Error).message, at: now() });
      this.#wakeLater(state.name, RETRY_MS);
    } finally {
      state.finishing = false;
    }
    if (state.deleted) {
      clearTimeout(state.timer);
      this.#states.delete(state.name);
      events.emit({ type: "app", app: state.name, change: "deleted", at: now() });
    }
    state.notify();
    if (state.deleted) this.#options.looked(state.name);
  }

  async #forget(state: AppState): Promise<void> {
    if (!state.record.deleting || !state.released || state.claims > 0) return;
    const { backend, store, counters } = this.#options;
    await backend.dropLogs(state.name);
    await counters.remove(state.name);
    await store.remove(state.name);
    state.deleted = true;
  }

  /** Resolves when an app that is being forgotten is: its name is free then. */
  async gone(state: AppState): Promise<void> {
    while (this.#states.get(state.name) === state) {
      await new Promise<void>((resolve) => {
        const look = (): void => {
          state.waiters.delete(look);
          resolve();
        };
        state.waiters.add(look);
      });
    }
  }
}

const isUnreachable = (error: unknown): boolean => error instanceof VelosError && error.details["unreachable"] === true;
