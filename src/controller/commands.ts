import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Backend } from "../backend/backend.ts";
import { whyUnavailable } from "../backend/free-address.ts";
import { portOwner } from "../backend/port-owner.ts";
import type { AppSpec } from "../domain/app.ts";
import { fingerprint, specDigest } from "../domain/app.ts";
import type { RolloutStamp } from "../domain/begin-rollout.ts";
import { beginRestart, beginUpdate, hasStrayInstance } from "../domain/begin-rollout.ts";
import { VelosError } from "../domain/errors.ts";
import { healthTarget } from "../domain/health-target.ts";
import { instanceEnvironment } from "../domain/instance-environment.ts";
import type { ObservedInstance } from "../domain/instance.ts";
import { restartable, resumed, stopped } from "../domain/intent.ts";
import { onSpecs, provenSpec } from "../domain/known-specs.ts";
import type { ListenAddress } from "../domain/listen.ts";
import { formatListen, overlap, sameListen } from "../domain/listen.ts";
import type { Quantity } from "../domain/quantity.ts";
import { applyQuantity } from "../domain/quantity.ts";
import type { AppRecord } from "../domain/record.ts";
import type { RestartReason } from "../domain/rollout.ts";
import { isActive } from "../domain/rollout.ts";
import type { AppState } from "./app-state.ts";
import type { Apps } from "./apps.ts";
import type { Converge } from "./converge.ts";
import type { CommandType, Observer } from "./observer.ts";
import type { Wait } from "./settle.ts";
import { settle } from "./settle.ts";
import type { UsageMeter } from "./usage-meter.ts";
import type { AppView } from "./views.ts";

export interface CommandsOptions {
  backend: Backend;
  apps: Apps;
  converge: Converge;
  meter: UsageMeter;
  /** Resolves when what restarts apps by itself has taken in what is desired. */
  triggersSettled: () => Promise<void>;
  problems: string[];
  observer: Observer | undefined;
  now: () => number;
}

/** What a command did. */
export interface StartOutcome {
  app: AppView;
  /** `created`: a new app; `resumed`: it was stopped; `unchanged`: it runs on this spec; `updated`: it was changed. */
  outcome: "created" | "resumed" | "unchanged" | "updated";
}

/**
 * What an operator can have done. Each method changes what is desired and waits until the world agrees, or says why it
 * does not.
 */
export class Commands {
  readonly #options: CommandsOptions;
  /** Apps that are being made and not stored yet. */
  readonly #creating = new Map<string, Promise<AppState>>();

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /**
   * Starts a new app, or brings one that exists to this spec and size: a changed spec is rolled out, a changed number
   * scales, a stopped app is started again.
   */
  async start(spec: AppSpec, quantity: Quantity | undefined, wait: Wait = "all"): Promise<StartOutcome> {
    const { converge } = this.#options;
    for (;;) {
      const existing = converge.get(spec.name);
      try {
        return await this.#start(spec, quantity, wait);
      } catch (error) {
        // It was just being deleted: once that is over it is a new app.
        if (!existing?.deleted || !(error instanceof VelosError) || error.code !== "APP_NOT_FOUND") throw error;
        await converge.gone(existing);
      }
    }
  }

  async #start(spec: AppSpec, quantity: Quantity | undefined, wait: Wait): Promise<StartOutcome> {
    // Whether the health check can be told apart by instance is known only here; a variable may still be missing.
    if (spec.health) {
      const { visible, secret } = instanceEnvironment(spec, 0, 1);
      healthTarget(spec, { ...secret, ...visible }, "");
    }
    // Whoever starts the same app at the same moment finds it as the first one made it.
    while (this.#creating.has(spec.name)) await this.#creating.get(spec.name)!.catch(() => {});
    const existing = this.#options.converge.get(spec.name);
    if (!existing) {
      const creating = this.#create(spec, quantity).finally(() => this.#creating.delete(spec.name));
      this.#creating.set(spec.name, creating);
      await this.#observed(spec.name, "start", async () => {
        await settle(this.#options.converge, await creating, { failOn: "any" });
      });
      await this.#options.triggersSettled();
      return { app: await this.#options.apps.view(await creating), outcome: "created" };
    }
    const moves = existing.record.running && !sameListen(spec.listen, existing.record.spec.listen);
    if (moves) {
      await this.#checkAddresses(existing, spec);
      await this.#takeDown(existing);
    }
    try {
      const brought = await this.#bring(existing, spec, quantity, wait);
      // It was down for a moment, and nobody had stopped it.
      return moves ? { ...brought, outcome: "updated" } : brought;
    } catch (error) {
      // An address that is taken, or a disk that is full, must not cost the app the addresses it had.
      if (existing.record.moving) await this.resume([spec.name]);
      throw error;
    }
  }

  /**
   * Makes sure that an app can have the addresses that are new to it, before it gives up those it has.
   * @throws VelosError PORT_IN_USE, BACKEND_FAILED
   */
  async #checkAddresses({ name, record }: AppState, { listen }: AppSpec): Promise<void> {
    const { backend, converge } = this.#options;
    const leaving = {
      pids: backend.observe(name).flatMap(({ pid }) => pid ?? []),
      listensItself: record.spec.listen.length === 0,
    };
    for (const address of listen) {
      const code = await whyUnavailable(address, leaving);
      if (code === undefined) continue;
      const shown = formatListen(address);
      if (code === "EADDRINUSE") {
        if (record.spec.listen.some((own) => overlap(own, address))) continue;
        const holder = converge.names().find((app) => app !== name && this.#hasAddress(app, address));
        const by = holder === undefined ? await portOwner(address) : ` by ${holder}, an app of velos`;
        throw new VelosError("PORT_IN_USE", { address: shown, by: by ?? "" });
      }
      throw new VelosError("BACKEND_FAILED", {
        backend: backend.name,
        why: `it could not listen on ${shown}: ${WORDS[code] ?? code}`,
        hint: `${name} goes on with the addresses it has; choose another one`,
      });
    }
  }

  #hasAddress(app: string, address: ListenAddress): boolean {
    const record = this.#options.converge.get(app)?.record;
    return record?.running === true && record.spec.listen.some((other) => overlap(other, address));
  }

  /** Sockets cannot be exchanged under instances that have them: the app goes down, and comes up on the new ones. */
  async #takeDown(state: AppState): Promise<void> {
    const { converge, now } = this.#options;
    await this.#observed(state.name, "stop", async () => {
      await converge.change(state, (record) => ({ ...stopped(record, undefined, now()), moving: true }));
      await settle(converge, state, { failOn: "none" });
    });
  }

  /** Brings an app that exists to a spec and size. */
  async #bring(existing: AppState, spec: AppSpec, quantity: Quantity | undefined, wait: Wait): Promise<StartOutcome> {
    const { record } = existing;
    const count = quantity ? applyQuantity(quantity, record.instances, availableParallelism()) : record.instances;
    const same = specDigest(spec) === specDigest(record.spec);
    const held = Object.keys(record.holds).length > 0;
    if (same && count === record.instances && record.running && !held && !record.deleting) {
      // It may be what an earlier command began, and still be on its way; limits that one was cut off from setting, too.
      await this.#options.backend.adjust(spec);
      await this.#settled(existing, wait);
      return { app: await this.#options.apps.view(existing), outcome: "unchanged" };
    }
    const stamp = this.#stamp();
    // A change of the spec alone is a rollout, which is told by itself.
    const type = !record.running || held ? "start" : count === record.instances ? undefined : "scale";
    const change = async (): Promise<void> =>
      this.#options.converge.change(existing, (current) => {
        // Not the number from above: a command that scales may have come in between.
        const instances = quantity
          ? applyQuantity(quantity, current.instances, availableParallelism())
          : current.instances;
        const next: AppRecord = { ...resumed(current, this.#alive(current)), instances };
        if (fingerprint(spec) === fingerprint(current.spec)) return this.#gather({ ...next, spec }, existing, stamp);
        if (current.running) return beginUpdate(next, spec, this.#instances(existing), stamp);
        return this.#gather(onSpecs(next, spec, provenSpec(current)), existing, stamp);
      });
    await this.#observed(spec.name, type, async () => {
      await this.#wanted(existing, spec, change);
      await this.#options.backend.adjust(spec, record.spec);
      await this.#settled(existing, wait);
    });
    await this.#options.triggersSettled();
    return {
      app: await this.#options.apps.view(existing),
      outcome: record.running && (!same || count !== record.instances) ? "updated" : "resumed",
    };
  }

  /** Says that an app is to run. One that is stopped has what its instances share first, so that it can be refused. */
  async #wanted(state: AppState, spec: AppSpec, change: () => Promise<void>): Promise<void> {
    return state.record.running ? change() : this.#options.converge.prepared(state, spec, change);
  }

  /** Starts what was stopped: whole apps, or single instances. */
  async resume(selectors: readonly string[]): Promise<AppView[]> {
    return this.#each(selectors, async (state, indexes) => {
      const stamp = this.#stamp();
      await this.#observed(state.name, "start", async () => {
        await this.#wanted(state, state.record.spec, async () =>
          this.#options.converge.change(state, (record) =>
            this.#gather(resumed(record, this.#alive(record), indexes), state, stamp),
          ),
        );
        await settle(this.#options.converge, state, { failOn: "any", ...(indexes && { indexes }) });
      });
    });
  }

  /** Stops apps or single instances; they stay stopped, also over a reboot. */
  async stop(selectors: readonly string[]): Promise<AppView[]> {
    return this.#each(selectors, async (state, indexes) => {
      await this.#observed(state.name, "stop", async () => {
        await this.#options.converge.change(state, (record) => stopped(record, indexes, this.#options.now()));
        await settle(this.#options.converge, state, { failOn: "none", ...(indexes && { indexes }) });
      });
    });
  }

  /**
   * Replaces instances: all at once (`restart`), or a few at a time, gated on readiness (`reload`). For another reason than
   * an operator's wish it leaves alone what somebody has stopped, also at the last moment.
   */
  async restart(
    selectors: readonly string[],
    kind: "restart" | "reload",
    reason: RestartReason = "manual",
    wait: Wait = "all",
  ): Promise<AppView[]> {
    const stamp = this.#stamp();
    return this.#each(selectors, async (state, indexes) => {
      if (reason !== "manual") return this.#restartUnasked(state, kind, reason, wait, indexes);
      await this.#wanted(state, state.record.spec, async () =>
        this.#options.converge.change(state, (record) => {
          const next = resumed(record, this.#alive(record), indexes);
          return beginRestart(next, this.#instances(state), kind, reason, stamp, indexes);
        }),
      );
      await this.#settled(state, wait, indexes);
    });
  }

  async #restartUnasked(
    state: AppState,
    kind: "restart" | "reload",
    reason: RestartReason,
    wait: Wait,
    indexes: readonly number[] | undefined,
  ): Promise<void> {
    if (restartable(state.record, indexes).length === 0) return;
    const stamp = this.#stamp();
    let own: number[] = [];
    await this.#options.converge.change(state, (record) => {
      own = restartable(record, indexes);
      if (own.length === 0) return record;
      const next = resumed(record, this.#alive(record), own);
      const isWhole = indexes === undefined && own.length === record.instances;
      return beginRestart(next, this.#instances(state), kind, reason, stamp, isWhole ? undefined : own);
    });
    if (own.length > 0) await this.#settled(state, wait, own);
  }

  /** Sets how many instances an app has. */
  async scale(app: string, quantity: Quantity, wait: Wait = "all"): Promise<AppView> {
    const target = this.#options.apps.target(app);
    if (target.index !== undefined) {
      throw new VelosError("SELECTOR_INVALID", { selector: app, why: "an app is scaled as a whole" });
    }
    const state = this.#options.apps.state(target.app);
    await this.#observed(state.name, "scale", async () => {
      await this.#options.converge.change(state, (record) => {
        const instances = applyQuantity(quantity, record.instances, availableParallelism());
        const holds = Object.fromEntries(Object.entries(record.holds).filter(([index]) => Number(index) < instances));
        return { ...record, instances, holds };
      });
      await this.#settled(state, wait);
    });
    return this.#options.apps.view(state);
  }

  /** Stops an app and forgets it. */
  async delete(selectors: readonly string[]): Promise<string[]> {
    const orphans = selectors.filter(
      (selector) => !this.#options.converge.get(selector) && this.#options.backend.apps().includes(selector),
    );
    await Promise.all(orphans.map((app) => this.#deleteOrphan(app)));
    const rest = selectors.filter((selector) => !orphans.includes(selector));
    if (rest.length === 0) return orphans;
    const targets = this.#options.apps.targets(rest);
    const single = targets.find(({ index }) => index !== undefined);
    if (single) {
      throw new VelosError("SELECTOR_INVALID", {
        selector: `${single.app}:${single.index}`,
        why: `an app is deleted as a whole; \`velos stop ${single.app}:${single.index}\` stops one, \`velos scale ${single.app} -1\` removes the last`,
      });
    }
    await Promise.all(
      targets.map(async ({ app }) => {
        const state = this.#options.apps.state(app);
        await this.#observed(app, "delete", async () => {
          await this.#options.converge.change(state, (record) => ({ ...record, deleting: true, running: false }));
          await settle(this.#options.converge, state, { failOn: "none", until: "deleted" });
        });
        this.#options.meter.forget(app);
      }),
    );
    return [...orphans, ...targets.map(({ app }) => app)];
  }

  /** Sends a signal to the main process of each selected instance that runs; returns their names. */
  async signal(selectors: readonly string[], signal: string): Promise<string[]> {
    const reached: string[] = [];
    await Promise.all(
      this.#options.apps.targets(selectors).map(async ({ app, index }) => {
        this.#options.apps.checkIndex(app, index);
        const running = this.#options.backend
          .observe(app)
          .filter((instance) => instance.pid !== undefined && (index === undefined || instance.index === index));
        await Promise.all(
          running.map(async (instance) => {
            await this.#options.backend.signal(app, instance.index, signal);
            reached.push(`${app}:${instance.index}`);
          }),
        );
      }),
    );
    return reached.sort();
  }

  async #create(spec: AppSpec, quantity: Quantity | undefined): Promise<AppState> {
    const record = this.#newRecord(
      spec,
      applyQuantity(quantity ?? { kind: "exact", count: 1 }, 0, availableParallelism()),
    );
    // First the addresses: when one is taken, nothing is started and nothing is stored.
    await this.#options.backend.prepare(spec);
    const state = await this.#options.converge.create(record).catch(async (error: unknown) => {
      await this.#options.backend.release(spec.name);
      throw error;
    });
    this.#isNoOrphan(spec.name);
    return state;
  }

  /** Does a command's work, watched from its beginning to its end where somebody watches and there is what to tell. */
  async #observed(app: string, type: CommandType | undefined, work: () => Promise<void>): Promise<void> {
    const ended = type && this.#options.observer?.command(app, type, this.#options.now());
    try {
      await work();
    } catch (error) {
      ended?.({ at: this.#options.now(), error });
      throw error;
    }
    ended?.({ at: this.#options.now() });
  }

  /** Waits for what a command began; a rollout that the command does not wait for goes on by itself. */
  async #settled(state: AppState, wait: Wait, indexes?: readonly number[]): Promise<void> {
    const { rollout } = state.record;
    if (wait === "start" && isActive(rollout) && rollout.kind !== "restart") return;
    await settle(this.#options.converge, state, { failOn: "any", ...(indexes && { indexes }) });
  }

  #newRecord(spec: AppSpec, instances: number): AppRecord {
    const now = this.#options.now();
    return {
      spec,
      instances,
      running: true,
      deleting: false,
      holds: {},
      created: { epoch: this.#options.backend.epoch, indexes: [] },
      createdAt: now,
      updatedAt: now,
    };
  }

  /** An app that is started again while instances of another spec are still there takes them along by a rollout. */
  #gather(record: AppRecord, state: AppState, stamp: RolloutStamp): AppRecord {
    const instances = this.#instances(state);
    if (isActive(record.rollout) || !hasStrayInstance(record, instances)) return record;
    return beginUpdate(record, record.spec, instances, stamp);
  }

  #stamp(): RolloutStamp {
    return { id: randomUUID(), at: this.#options.now() };
  }

  #instances(state: AppState): readonly ObservedInstance[] {
    return this.#options.converge.observe(state.name);
  }

  #alive(record: AppRecord): Set<number> {
    return new Set(
      this.#options.backend
        .observe(record.spec.name)
        .flatMap(({ index, status }) => (status === "online" ? [index] : [])),
    );
  }

  async #each(
    selectors: readonly string[],
    act: (state: AppState, indexes: number[] | undefined) => Promise<void>,
  ): Promise<AppView[]> {
    const byApp = new Map<string, number[] | undefined>();
    for (const { app, index } of this.#options.apps.targets(selectors)) {
      this.#options.apps.checkIndex(app, index);
      if (index === undefined) byApp.set(app, undefined);
      else byApp.set(app, [...(byApp.get(app) ?? []), index]);
    }
    const results = await Promise.allSettled(
      [...byApp].map(([app, indexes]) => act(this.#options.apps.state(app), indexes)),
    );
    const failure = results.find((result) => result.status === "rejected");
    if (failure) throw failure.reason;
    return Promise.all(
      [...byApp.keys()]
        .flatMap((app) => this.#options.converge.get(app) ?? [])
        .map((state) => this.#options.apps.view(state)),
    );
  }

  async #deleteOrphan(app: string): Promise<void> {
    await Promise.all(this.#options.backend.observe(app).map(({ index }) => this.#options.backend.stop(app, index)));
    await this.#options.backend.release(app);
    this.#isNoOrphan(app);
  }

  #isNoOrphan(app: string): void {
    const at = this.#options.problems.findIndex((problem) => problem.startsWith(`instances of ${app} run`));
    if (at >= 0) this.#options.problems.splice(at, 1);
  }
}

/** The refusals of bind(2) that users meet. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRNOTAVAIL: "this machine has no such address",
  EAFNOSUPPORT: "this machine has no IPv6",
};
