import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Backend, LogLine, LogQuery } from "../backend/backend.ts";
import type { AppSpec } from "../domain/app.ts";
import { fingerprint, specDigest } from "../domain/app.ts";
import { VelosError } from "../domain/errors.ts";
import { instanceEnvironment } from "../domain/instance-environment.ts";
import { MASK, maskedSpec } from "../domain/masked-spec.ts";
import { healthTarget } from "../domain/health-target.ts";
import { formatListen } from "../domain/listen.ts";
import type { Quantity } from "../domain/quantity.ts";
import { applyQuantity } from "../domain/quantity.ts";
import { resumed, stopped } from "../domain/intent.ts";
import type { AppRecord } from "../domain/record.ts";
import type { ObservedInstance } from "../domain/instance.ts";
import type { RolloutStamp } from "../domain/begin-rollout.ts";
import { beginRestart, beginUpdate, hasStrayInstance } from "../domain/begin-rollout.ts";
import type { RestartReason } from "../domain/rollout.ts";
import { isActive } from "../domain/rollout.ts";
import type { Target } from "../domain/selector.ts";
import { parseSelector, resolveSelectors } from "../domain/selector.ts";
import type { AppState } from "./app-state.ts";
import { Converge } from "./converge.ts";
import { Counters } from "./counters.ts";
import { Events } from "./events.ts";
import { Health } from "./health.ts";
import { Identities } from "./identities.ts";
import { LiveFeed } from "./live-feed.ts";
import type { CommandType, Observer } from "./observer.ts";
import { Rollouts } from "./rollouts.ts";
import type { Wait } from "./settle.ts";
import { settle } from "./settle.ts";
import { Snapshots } from "./snapshots.ts";
import { Store } from "./store.ts";
import { Triggers } from "./triggers.ts";
import { UsageMeter } from "./usage-meter.ts";
import type { AppView, InstanceView, ViewContext } from "./views.ts";
import { viewApp } from "./views.ts";
import { whyNeeded } from "./why-needed.ts";

export interface ControllerOptions {
  backend: Backend;
  /** `/var/lib/velos` or its like; `apps/` and `counters/` are made in it. */
  stateDirectory: string;
  now?: () => number;
  report?: (problem: string) => void;
  /** Tells this machine and scope from all others: what `service.instance.id` of instances is made of. */
  place?: string;
  /** Who is told what happens; see observer.ts. */
  observer?: Observer | undefined;
}

/** What a command did. */
export interface StartOutcome {
  app: AppView;
  /** `created`: a new app; `resumed`: it was stopped; `unchanged`: it runs on this spec; `updated`: it was changed. */
  outcome: "created" | "resumed" | "unchanged" | "updated";
}

/**
 * What velosd does, as functions: each public method is one operation. They change the desired state and wait until
 * the world agrees, or say why it does not.
 */
export class Controller {
  readonly backend: Backend;
  readonly events = new Events();
  readonly counters: Counters;
  readonly meter: UsageMeter;
  readonly converge: Converge;
  readonly snapshots: Snapshots;
  readonly rollouts: Rollouts;
  readonly live: LiveFeed;
  /** One line each: what an operator should know about the state. */
  readonly problems: string[] = [];
  readonly #store: Store;
  /** Apps that are being made and not stored yet. */
  readonly #creating = new Map<string, Promise<AppState>>();
  readonly #triggers: Triggers;
  readonly #health: Health;
  readonly #now: () => number;
  readonly #observer: Observer | undefined;

  constructor(options: ControllerOptions) {
    this.backend = options.backend;
    this.#now = options.now ?? Date.now;
    this.#observer = options.observer;
    const report = options.report ?? ((): void => {});
    this.#store = new Store(`${options.stateDirectory}/apps`);
    this.counters = new Counters(`${options.stateDirectory}/counters`);
    this.meter = new UsageMeter(this.backend, this.#now);
    this.converge = new Converge({
      backend: this.backend,
      store: this.#store,
      counters: this.counters,
      events: this.events,
      identities: new Identities(options.place ?? ""),
      observer: options.observer,
      now: this.#now,
      report,
      annotate: (record, instances) =>
        record.running && !record.deleting ? this.#health.annotate(record.spec, instances) : instances,
      looked: (app) => this.live.look(app),
    });
    this.live = new LiveFeed({
      converge: this.converge,
      context: () => this.#viewContext(),
      problems: this.problems,
    });
    const { backend, converge, counters, meter } = this;
    this.snapshots = new Snapshots({ backend, converge, counters, meter, now: this.#now });
    this.#health = new Health({
      backend: this.backend,
      now: this.#now,
      changed: (app) => this.converge.wake(app),
      failed: (app, index, why) => {
        report(`${app}:${index} is restarted: ${why}`);
        this.#restartUnwell(app, index).catch((error: unknown) =>
          report(`${app}:${index}: ${(error as Error).message}`),
        );
      },
    });
    this.rollouts = new Rollouts({
      converge: this.converge,
      state: (app) => this.#state(app),
      view: (state) => this.#view(state),
      start: (spec, wait) => this.start(spec, undefined, wait),
    });
    this.#triggers = new Triggers({
      backend: this.backend,
      report,
      restart: async (app, indexes, reason) => {
        await this.restart(indexes ? indexes.map((index) => `${app}:${index}`) : [app], "restart", reason);
      },
    });
    this.events.subscribe((event) => {
      if (event.type !== "app") return;
      const state = this.converge.get(event.app);
      if (event.change === "deleted" || !state?.record.running) this.#health.forget(event.app);
      if (event.change === "deleted" || !state) void this.#triggers.remove(event.app);
      else this.#triggers.sync(state.record);
    });
  }

  /** Reads the store, finds what runs, and goes on where the last velosd ended. */
  async open(): Promise<void> {
    const loading = this.#load();
    // It is waited for below; that it fails first is no reason to end without a word.
    loading.catch(() => {});
    await this.backend.open((app) => this.converge.wake(app));
    const records = await loading;
    for (const record of records) {
      this.converge.adopt(record);
      this.#triggers.sync(record);
    }
    await this.converge.open();
    const known = new Set(records.map(({ spec }) => spec.name));
    for (const app of this.backend.apps()) {
      // Sockets without instances are what a start left that was cut off before the app was stored.
      if (!known.has(app) && this.backend.observe(app).length === 0) await this.backend.release(app);
      else if (!known.has(app))
        this.problems.push(
          `instances of ${app} run, but nothing is stored of it; \`velos start\` it again, or end them with \`velos delete ${app}\``,
        );
    }
  }

  /** What is stored: the apps, and what was counted of them. */
  async #load(): Promise<AppRecord[]> {
    const { records, problems } = await this.#store.load(this.#now());
    this.problems.push(...problems);
    await this.counters.load(records.map(({ spec }) => spec.name));
    return records;
  }

  /** Ends velosd's part. Instances stay. */
  async close(): Promise<void> {
    this.converge.close();
    this.#health.close();
    await this.#triggers.close();
    await this.counters.flush();
    await this.backend.close();
  }

  /** What velosd is needed for now besides answering; undefined: the supervisor does it all. */
  need(): string | undefined {
    for (const name of this.converge.names()) {
      const state = this.#state(name);
      const why = whyNeeded(state.record, this.converge.isSettled(state), this.converge.observe(name));
      if (why !== undefined) return why;
    }
    return undefined;
  }

  /** Tells whether an instance has begun or ended another run between two calls. */
  runs(): string {
    return this.converge
      .names()
      .flatMap((name) => this.backend.observe(name).map(({ unit, run, status }) => `${unit} ${run} ${status}`))
      .join("\n");
  }

  /** Apps and their instances; all of them without selectors. */
  async list(selectors: readonly string[] = [], usage = true): Promise<AppView[]> {
    const targets =
      selectors.length === 0 ? this.converge.names().map((app): Target => ({ app })) : this.#targets(selectors);
    const views = await Promise.all(
      [...new Set(targets.map(({ app }) => app))].map((app) => this.#view(this.#state(app), usage)),
    );
    const wanted = new Map<string, Set<number> | undefined>();
    for (const { app, index } of targets) {
      if (index === undefined) wanted.set(app, undefined);
      else if (!wanted.has(app)) wanted.set(app, new Set([index]));
      else wanted.get(app)?.add(index);
    }
    return views.map((view) => {
      const indexes = wanted.get(view.name);
      return indexes ? { ...view, processes: view.processes.filter(({ index }) => indexes.has(index)) } : view;
    });
  }

  /** One app with its whole spec; secrets are masked unless they are asked for. */
  async describe(selector: string, secrets = false): Promise<{ app: AppView; spec: AppSpec; instance?: InstanceView }> {
    const [target] = this.#targets([selector]);
    const state = this.#state(target!.app);
    const app = await this.#view(state);
    const instance =
      target!.index === undefined ? undefined : app.processes.find(({ index }) => index === target!.index);
    return { app, spec: secrets ? state.record.spec : maskedSpec(state.record.spec), ...(instance && { instance }) };
  }

  /**
   * Starts a new app, or brings one that exists to this spec and size: a changed spec is rolled out, a changed number
   * scales, a stopped app is started again.
   */
  async start(spec: AppSpec, quantity: Quantity | undefined, wait: Wait = "all"): Promise<StartOutcome> {
    // Whether the health check can be told apart by instance is known only here; a variable may still be missing.
    if (spec.health) {
      const { visible, secret } = instanceEnvironment(spec, 0, 1);
      healthTarget(spec, { ...secret, ...visible }, "");
    }
    // Whoever starts the same app at the same moment finds it as the first one made it.
    while (this.#creating.has(spec.name)) await this.#creating.get(spec.name)!.catch(() => {});
    const existing = this.converge.get(spec.name);
    if (!existing) {
      const creating = this.#create(spec, quantity).finally(() => this.#creating.delete(spec.name));
      this.#creating.set(spec.name, creating);
      await this.#observed(spec.name, "start", async () => {
        await settle(this.converge, await creating, { failOn: "any" });
      });
      await this.#triggers.settled();
      return { app: await this.#view(await creating), outcome: "created" };
    }
    const moves = existing.record.running && !sameListen(spec, existing.record.spec);
    // Sockets cannot be exchanged under instances that have them: the app goes down and comes up on the new ones.
    if (moves) await this.stop([spec.name]);
    const { record } = existing;
    if (!record.running) {
      await this.converge.prepare(existing, spec).catch(async (error: unknown) => {
        // An address that is taken must not cost the app the ones it had.
        if (moves) await this.resume([spec.name]);
        throw error;
      });
    }
    const count = quantity ? applyQuantity(quantity, record.instances, availableParallelism()) : record.instances;
    const same = specDigest(spec) === specDigest(record.spec);
    const held = Object.keys(record.holds).length > 0;
    if (same && count === record.instances && record.running && !held && !record.deleting) {
      // It may be what an earlier command began, and still be on its way.
      await this.#settled(existing, wait);
      return { app: await this.#view(existing), outcome: "unchanged" };
    }
    const stamp = this.#stamp();
    // A change of the spec alone is a rollout, which is told by itself.
    const type = !record.running || held ? "start" : count === record.instances ? undefined : "scale";
    await this.#observed(spec.name, type, async () => {
      await this.converge.change(existing, (current) => {
        const next: AppRecord = { ...resumed(current, this.#alive(current)), instances: count };
        if (fingerprint(spec) === fingerprint(current.spec)) return this.#gather({ ...next, spec }, existing, stamp);
        if (current.running) return beginUpdate(next, spec, this.#instances(existing), stamp);
        return this.#gather({ ...next, spec, previous: current.spec }, existing, stamp);
      });
      await this.backend.adjust(spec);
      await this.#settled(existing, wait);
    });
    await this.#triggers.settled();
    return {
      app: await this.#view(existing),
      outcome: record.running && (!same || count !== record.instances) ? "updated" : "resumed",
    };
  }

  async #create(spec: AppSpec, quantity: Quantity | undefined): Promise<AppState> {
    const record = this.#newRecord(
      spec,
      applyQuantity(quantity ?? { kind: "exact", count: 1 }, 0, availableParallelism()),
    );
    // First the addresses: when one is taken, nothing is started and nothing is stored.
    await this.backend.prepare(spec);
    const state = await this.converge.create(record).catch(async (error: unknown) => {
      await this.backend.release(spec.name);
      throw error;
    });
    this.#isNoOrphan(spec.name);
    return state;
  }

  /** Starts what was stopped: whole apps, or single instances. */
  async resume(selectors: readonly string[]): Promise<AppView[]> {
    return this.#each(selectors, async (state, indexes) => {
      if (!state.record.running) await this.converge.prepare(state);
      const stamp = this.#stamp();
      await this.#observed(state.name, "start", async () => {
        await this.converge.change(state, (record) =>
          this.#gather(resumed(record, this.#alive(record), indexes), state, stamp),
        );
        await settle(this.converge, state, { failOn: "any", ...(indexes && { indexes }) });
      });
    });
  }

  /** Stops apps or single instances; they stay stopped, also over a reboot. */
  async stop(selectors: readonly string[]): Promise<AppView[]> {
    return this.#each(selectors, async (state, indexes) => {
      await this.#observed(state.name, "stop", async () => {
        await this.converge.change(state, (record) => stopped(record, indexes, this.#now()));
        await settle(this.converge, state, { failOn: "none", ...(indexes && { indexes }) });
      });
    });
  }

  /** Replaces instances: all at once (`restart`), or a few at a time, gated on readiness (`reload`). */
  async restart(
    selectors: readonly string[],
    kind: "restart" | "reload",
    reason: RestartReason = "manual",
    wait: Wait = "all",
  ): Promise<AppView[]> {
    const stamp = this.#stamp();
    return this.#each(selectors, async (state, indexes) => {
      if (!state.record.running) await this.converge.prepare(state);
      await this.converge.change(state, (record) => {
        const next = resumed(record, this.#alive(record), indexes);
        return beginRestart(next, this.#instances(state), kind, reason, stamp, indexes);
      });
      await this.#settled(state, wait, indexes);
    });
  }

  /** Sets how many instances an app has. */
  async scale(app: string, quantity: Quantity, wait: Wait = "all"): Promise<AppView> {
    const [target] = this.#targets([app]);
    if (target!.index !== undefined) {
      throw new VelosError("SELECTOR_INVALID", { selector: app, why: "an app is scaled as a whole" });
    }
    const state = this.#state(target!.app);
    await this.#observed(state.name, "scale", async () => {
      await this.converge.change(state, (record) => {
        const instances = applyQuantity(quantity, record.instances, availableParallelism());
        const holds = Object.fromEntries(Object.entries(record.holds).filter(([index]) => Number(index) < instances));
        return { ...record, instances, holds };
      });
      await this.#settled(state, wait);
    });
    return this.#view(state);
  }

  /** Stops an app and forgets it. */
  async delete(selectors: readonly string[]): Promise<string[]> {
    const orphans = selectors.filter(
      (selector) => !this.converge.get(selector) && this.backend.apps().includes(selector),
    );
    await Promise.all(orphans.map((app) => this.#deleteOrphan(app)));
    const rest = selectors.filter((selector) => !orphans.includes(selector));
    if (rest.length === 0) return orphans;
    const targets = this.#targets(rest);
    const single = targets.find(({ index }) => index !== undefined);
    if (single) {
      throw new VelosError("SELECTOR_INVALID", {
        selector: `${single.app}:${single.index}`,
        why: `an app is deleted as a whole; \`velos stop ${single.app}:${single.index}\` stops one, \`velos scale ${single.app} -1\` removes the last`,
      });
    }
    await Promise.all(
      targets.map(async ({ app }) => {
        const state = this.#state(app);
        await this.#observed(app, "delete", async () => {
          await this.converge.change(state, (record) => ({ ...record, deleting: true, running: false }));
          await settle(this.converge, state, { failOn: "none", until: "deleted" });
        });
        this.meter.forget(app);
      }),
    );
    return [...orphans, ...targets.map(({ app }) => app)];
  }

  /** Sends a signal to the main process of each selected instance that runs; returns their names. */
  async signal(selectors: readonly string[], signal: string): Promise<string[]> {
    const reached: string[] = [];
    await Promise.all(
      this.#targets(selectors).map(async ({ app, index }) => {
        this.#checkIndex(app, index);
        const running = this.backend
          .observe(app)
          .filter((instance) => instance.pid !== undefined && (index === undefined || instance.index === index));
        await Promise.all(
          running.map(async (instance) => {
            await this.backend.signal(app, instance.index, signal);
            reached.push(`${app}:${instance.index}`);
          }),
        );
      }),
    );
    return reached.sort();
  }

  /** The environment an instance was started with; secrets are masked unless they are asked for. */
  async environment(selector: string, withSecrets = false): Promise<Record<string, string>> {
    const [target] = this.#targets([selector]);
    const index = target!.index ?? 0;
    this.#checkIndex(target!.app, index);
    if (!this.backend.observe(target!.app).some((instance) => instance.index === index)) {
      throw new VelosError("INSTANCE_FAILED", { app: target!.app, index, why: "it is not running" });
    }
    const environment = await this.backend.environment(target!.app, index);
    if (withSecrets) return environment;
    const secrets = this.#state(target!.app).record.spec.secretEnv;
    return { ...environment, ...Object.fromEntries(Object.keys(secrets).map((name) => [name, MASK])) };
  }

  /** Lines of the selected apps' output, oldest first. */
  logTargets(selectors: readonly string[]): Target[] {
    const targets = selectors.length === 0 ? this.converge.names().map((app) => ({ app })) : this.#targets(selectors);
    // What an instance printed outlives it: the extra one of a rollout, or one that was scaled away.
    for (const { app, index } of targets as Target[])
      if (index === undefined || !this.counters.of(app).has(index)) this.#checkIndex(app, index);
    return targets;
  }

  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine> {
    return this.backend.logs(query, signal);
  }

  /** Does a command's work, watched from its beginning to its end where somebody watches and there is what to tell. */
  async #observed(app: string, type: CommandType | undefined, work: () => Promise<void>): Promise<void> {
    const ended = type && this.#observer?.command(app, type, this.#now());
    try {
      await work();
    } catch (error) {
      ended?.({ at: this.#now(), error });
      throw error;
    }
    ended?.({ at: this.#now() });
  }

  /** Waits for what a command began; a rollout that the command does not wait for goes on by itself. */
  async #settled(state: AppState, wait: Wait, indexes?: readonly number[]): Promise<void> {
    const { rollout } = state.record;
    if (wait === "start" && isActive(rollout) && rollout.kind !== "restart") return;
    await settle(this.converge, state, { failOn: "any", ...(indexes && { indexes }) });
  }

  /** Restarts an instance whose health check fails, unless a rollout is under way: then that decides. */
  async #restartUnwell(app: string, index: number): Promise<void> {
    const { record } = this.#state(app);
    if (isActive(record.rollout) && record.rollout.from[index] !== undefined) return; // the rollout judges it
    await this.restart([`${app}:${index}`], "restart", "health");
  }

  #newRecord(spec: AppSpec, instances: number): AppRecord {
    const now = this.#now();
    return {
      spec,
      instances,
      running: true,
      deleting: false,
      holds: {},
      created: { epoch: this.backend.epoch, indexes: [] },
      createdAt: now,
      updatedAt: now,
    };
  }

  /** An app that is started again while instances of another spec are still there takes them along by a rollout. */
  #gather(record: AppRecord, state: AppState, stamp: RolloutStamp): AppRecord {
    const instances = this.#instances(state);
    if (isActive(record.rollout) || !hasStrayInstance(record, instances)) return record;
    return {
      ...beginUpdate(record, record.spec, instances, stamp),
      ...(record.previous && { previous: record.previous }),
    };
  }

  #stamp(): RolloutStamp {
    return { id: randomUUID(), at: this.#now() };
  }

  #instances(state: AppState): readonly ObservedInstance[] {
    return this.converge.observe(state.name);
  }

  async #deleteOrphan(app: string): Promise<void> {
    await Promise.all(this.backend.observe(app).map(({ index }) => this.backend.stop(app, index)));
    await this.backend.release(app);
    this.#isNoOrphan(app);
  }

  #isNoOrphan(app: string): void {
    const at = this.problems.findIndex((problem) => problem.startsWith(`instances of ${app} run`));
    if (at >= 0) this.problems.splice(at, 1);
  }

  async #each(
    selectors: readonly string[],
    act: (state: AppState, indexes: number[] | undefined) => Promise<void>,
  ): Promise<AppView[]> {
    const byApp = new Map<string, number[] | undefined>();
    for (const { app, index } of this.#targets(selectors)) {
      this.#checkIndex(app, index);
      if (index === undefined) byApp.set(app, undefined);
      else byApp.set(app, [...(byApp.get(app) ?? []), index]);
    }
    const results = await Promise.allSettled([...byApp].map(([app, indexes]) => act(this.#state(app), indexes)));
    const failure = results.find((result) => result.status === "rejected");
    if (failure) throw failure.reason;
    return Promise.all(
      [...byApp.keys()].flatMap((app) => this.converge.get(app) ?? []).map((state) => this.#view(state)),
    );
  }

  #targets(selectors: readonly string[]): Target[] {
    return resolveSelectors(selectors.map(parseSelector), this.converge.names());
  }

  #checkIndex(app: string, index: number | undefined): void {
    if (index === undefined) return;
    const { instances } = this.#state(app).record;
    if (index < instances) return;
    throw new VelosError("INSTANCE_NOT_FOUND", { app, index, range: instances === 1 ? "0" : `0 to ${instances - 1}` });
  }

  #state(app: string): AppState {
    const state = this.converge.get(app);
    if (!state) throw new VelosError("APP_NOT_FOUND", { selector: app });
    return state;
  }

  #alive(record: AppRecord): Set<number> {
    return new Set(
      this.backend.observe(record.spec.name).flatMap(({ index, status }) => (status === "online" ? [index] : [])),
    );
  }

  async #view(state: AppState, usage = true): Promise<AppView> {
    await this.converge.caughtUp();
    return viewApp(state, { ...this.#viewContext(), meter: this.meter }, usage);
  }

  #viewContext(): ViewContext {
    const observe = (app: string): readonly ObservedInstance[] => this.converge.observe(app);
    return { backend: this.backend, counters: this.counters, observe, now: this.#now() };
  }
}

const sameListen = (a: AppSpec, b: AppSpec): boolean =>
  a.listen.map(formatListen).join(" ") === b.listen.map(formatListen).join(" ");
