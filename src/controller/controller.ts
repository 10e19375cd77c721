import type { Backend } from "../backend/backend.ts";
import { fingerprint } from "../domain/app.ts";
import { restartable, takenOver } from "../domain/intent.ts";
import type { AppRecord } from "../domain/record.ts";
import { isActive, isReplaced } from "../domain/rollout.ts";
import { Apps } from "./apps.ts";
import { Commands } from "./commands.ts";
import { Converge } from "./converge.ts";
import { Counters } from "./counters.ts";
import { Events } from "./events.ts";
import { Health } from "./health.ts";
import { Identities } from "./identities.ts";
import { LiveFeed } from "./live-feed.ts";
import type { Observer } from "./observer.ts";
import { Rollouts } from "./rollouts.ts";
import { Snapshots } from "./snapshots.ts";
import { Store } from "./store.ts";
import { Triggers } from "./triggers.ts";
import { UsageMeter } from "./usage-meter.ts";
import { whyNeeded } from "./why-needed.ts";

export interface ControllerOptions {
  backend: Backend;
  /** `/var/lib/velos` or its like; `apps/` and `counters/` are made in it. */
  stateDirectory: string;
  /** `/run/velos` or its like: what need not outlive a boot. Default: as `stateDirectory`. */
  runtimeDirectory?: string;
  now?: () => number;
  report?: (problem: string) => void;
  /** Tells this machine and scope from all others: what `service.instance.id` of instances is made of. */
  place?: string;
  /** Who is told what happens; see observer.ts. */
  observer?: Observer | undefined;
}

/** What velosd is made of, wired: what is desired, the loop that acts, and who asks for things. */
export class Controller {
  readonly backend: Backend;
  readonly events = new Events();
  readonly counters: Counters;
  readonly meter: UsageMeter;
  readonly converge: Converge;
  readonly apps: Apps;
  readonly commands: Commands;
  readonly snapshots: Snapshots;
  readonly rollouts: Rollouts;
  readonly live: LiveFeed;
  /** One line each: what an operator should know about the state. */
  readonly problems: string[] = [];
  readonly #store: Store;
  readonly #triggers: Triggers;
  readonly #health: Health;
  readonly #now: () => number;
  /** Instances and their runs that are being ended because they are unwell. */
  readonly #restarting = new Set<string>();

  constructor(options: ControllerOptions) {
    this.backend = options.backend;
    this.#now = options.now ?? Date.now;
    const report = options.report ?? ((): void => {});
    this.#store = new Store(
      `${options.stateDirectory}/apps`,
      `${options.runtimeDirectory ?? options.stateDirectory}/noted-holds`,
    );
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
        record.running && !record.deleting ? this.#health.annotate(record, instances) : instances,
      looked: (app) => this.live.look(app),
    });
    this.live = new LiveFeed({
      converge: this.converge,
      context: () => this.apps.context(),
      problems: this.problems,
    });
    const { backend, converge, counters, meter } = this;
    this.apps = new Apps({ backend, converge, counters, meter, now: this.#now });
    this.commands = new Commands({
      backend,
      apps: this.apps,
      converge,
      meter,
      triggersSettled: () => this.#triggers.settled(),
      problems: this.problems,
      observer: options.observer,
      now: this.#now,
    });
    this.snapshots = new Snapshots({ backend, converge, counters, meter, now: this.#now });
    this.#health = new Health({
      backend: this.backend,
      now: this.#now,
      changed: (app) => this.converge.wake(app),
      failed: (app, index, why) => {
        this.#restartUnwell(app, index, why, report).catch((error: unknown) =>
          report(`${app}:${index}: ${(error as Error).message}`),
        );
      },
    });
    this.rollouts = new Rollouts({
      converge: this.converge,
      state: (app) => this.apps.state(app),
      view: (state) => this.apps.view(state),
      start: (spec, wait) => this.commands.start(spec, undefined, wait),
    });
    this.#triggers = new Triggers({
      backend: this.backend,
      report,
      restart: async (app, indexes, reason) => {
        await this.commands.restart(indexes ? indexes.map((index) => `${app}:${index}`) : [app], "restart", reason);
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
    for (const record of records.map(takenOver)) {
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
    const stored = this.converge.close();
    this.#health.close();
    await this.#triggers.close();
    await stored;
    await this.counters.flush();
    await this.backend.close();
  }

  /** What velosd is needed for now besides answering; undefined: the supervisor does it all. */
  need(): string | undefined {
    for (const name of this.converge.names()) {
      const state = this.apps.state(name);
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

  /**
   * Restarts an instance whose health check fails, unless a rollout is under way that judges it, or comes to it at once
   * because it does not serve. A paused one judges only what it has replaced.
   */
  async #restartUnwell(app: string, index: number, why: string, report: (line: string) => void): Promise<void> {
    const { record } = this.apps.state(app);
    const { rollout } = record;
    const name = `${app}:${index}`;
    const instance = this.converge.observe(app).find((one) => one.index === index);
    const run = `${name} ${instance?.run}`;
    if (!instance || restartable(record, [index]).length === 0 || this.#restarting.has(run)) return;
    if (isActive(rollout) && rollout.from[index] !== undefined) {
      const isNew = isReplaced(instance, rollout, fingerprint(record.spec));
      if (rollout.status === "running" || isNew) return report(`${name} is left to its rollout: ${why}`);
    }
    report(`${name} is restarted: ${why}`);
    this.#restarting.add(run);
    try {
      await this.commands.restart([name], "restart", "health");
    } finally {
      this.#restarting.delete(run);
    }
  }
}
