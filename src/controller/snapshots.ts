import type { Backend, Figures } from "../backend/backend.ts";
import { Pace } from "../backend/pace.ts";
import type { ObservedInstance } from "../domain/instance.ts";
import { isWanted } from "../domain/record.ts";
import { isActive, readyOnItsSpec } from "../domain/rollout.ts";
import type { AppSnapshot, AppsSnapshot, InstanceRow } from "../domain/snapshot.ts";
import { momentaryFigures, statusOrder } from "../domain/snapshot.ts";
import { exitReasons, newInstanceTally, restartCauses } from "../domain/tally.ts";
import type { AppState } from "./app-state.ts";
import { AppVersions } from "./app-versions.ts";
import type { Converge } from "./converge.ts";
import type { Counters } from "./counters.ts";
import { live } from "./lifetime.ts";
import type { UsageMeter } from "./usage-meter.ts";
import { statusOf } from "./views.ts";

export interface SnapshotsOptions {
  backend: Backend;
  converge: Converge;
  counters: Counters;
  meter: UsageMeter;
  now: () => number;
}

/** One instance that is to be in the snapshot, with what is known of it without measuring. */
interface Subject {
  state: AppState;
  app: number;
  index: number;
  key: string;
  instance: ObservedInstance | undefined;
}

/**
 * Measures all instances. Nothing in it calls the supervisor, and it gives way to other work every few milliseconds.
 */
export class Snapshots {
  readonly #options: SnapshotsOptions;
  readonly #versions = new AppVersions();

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** The snapshot as JSON of an `AppsSnapshot`: made piece by piece, since one stringify of it all would block. */
  async take(): Promise<string> {
    const began = performance.now();
    const { backend, now } = this.#options;
    const pace = new Pace();
    await this.#options.converge.caughtUp();
    const { apps, subjects } = await this.#look(pace);
    const alive = subjects.filter(({ instance }) => instance?.pid !== undefined);
    const wanted = alive.map(({ state, index }) => ({ app: state.name, index }));
    const measured = (await backend.figures?.(wanted)) ?? (await this.#usage(wanted));
    const figures = new Map(alive.map(({ key }, at) => [key, measured[at]]));
    const at = now();
    const rows: string[] = [];
    for (const subject of subjects) {
      if (pace.isDue()) await pace.rest();
      rows.push(JSON.stringify(this.#row(subject, apps[subject.app]!, figures.get(subject.key), at)));
    }
    const texts: string[] = [];
    for (const app of apps) {
      if (pace.isDue()) await pace.rest();
      texts.push(JSON.stringify(app));
    }
    const collection: AppsSnapshot["collection"] = {
      seconds: (performance.now() - began) / 1000,
      failed: measured.filter((figure) => figure === undefined).length,
    };
    return `{"at":${at},"apps":[${texts.join(",")}],"instances":[${rows.join(",")}],"collection":${JSON.stringify(collection)}}`;
  }

  /** What is known without measuring: the apps, and every instance that there is or should be. */
  async #look(pace: Pace): Promise<{ apps: AppSnapshot[]; subjects: Subject[] }> {
    const { converge } = this.#options;
    const apps: AppSnapshot[] = [];
    const subjects: Subject[] = [];
    for (const name of converge.names()) {
      if (pace.isDue()) await pace.rest();
      const state = converge.get(name);
      if (!state) continue;
      const byIndex = new Map(converge.observe(name).map((instance) => [instance.index, instance]));
      const indexes = new Set([
        ...Array.from({ length: state.record.instances }, (_, index) => index),
        ...byIndex.keys(),
      ]);
      const own = [...indexes].map((index): Subject => {
        return { state, app: apps.length, index, key: `${name}:${index}`, instance: byIndex.get(index) };
      });
      const runs = own.flatMap(({ key, instance }) => (instance?.run ? [{ key, run: instance.run }] : []));
      if (runs.some(({ key, run }) => this.#versions.get(key, run) === undefined))
        await this.#versions.look(state.record.spec, runs);
      apps.push(this.#app(state));
      subjects.push(...own);
    }
    this.#versions.keepOnly(new Set(subjects.map(({ key }) => key)));
    return { apps, subjects };
  }

  #app({ name, record }: AppState): AppSnapshot {
    const tally = this.#options.counters.tally(name);
    const wanted = Array.from({ length: record.instances }, (_, index) => index).filter((i) => isWanted(record, i));
    return {
      name,
      interpreter: record.spec.interpreter ?? "",
      desired: wanted.length,
      running: 0,
      ready: 0,
      rollingOut: isActive(record.rollout) && record.rollout.kind !== "restart",
      rollouts: tally.rollouts,
      readyDuration: tally.ready,
      drainDuration: tally.drain,
      rolloutDuration: tally.rollout,
    };
  }

  /** The row of an instance; its app's sums are added to on the way. */
  #row(subject: Subject, app: AppSnapshot, figures: Figures | undefined, now: number): InstanceRow {
    const { state, index, key, instance } = subject;
    const { counters, meter } = this.#options;
    const track = counters.get(state.name, index);
    const tally = counters.tally(state.name).instances[index] ?? newInstanceTally();
    const readySince = instance && instance.unwell === undefined ? readyOnItsSpec(state.record, instance) : undefined;
    const isReady = readySince !== undefined && readySince <= now;
    const cpuUsec = figures?.cpuUserUsec === undefined ? undefined : figures.cpuUserUsec + (figures.cpuSystemUsec ?? 0);
    if (instance?.pid !== undefined) app.running++;
    if (isReady) app.ready++;
    return [
      subject.app,
      index,
      statusOrder.indexOf(statusOf(state, index, instance, state.record.holds[index])),
      Number(isReady),
      instance?.startedAt ?? null,
      instance === undefined || cpuUsec === undefined ? null : meter.percent(state.name, instance, cpuUsec),
      track.total,
      // Of a backend without units this is a process group: a number that changes with every run is no label.
      (this.#options.backend.name === "systemd" && instance?.unit) || "",
      instance?.fingerprint ?? "",
      (instance && this.#versions.get(key, instance.run)) ?? "",
      ...restartCauses.map((cause) => tally.restarts[cause] ?? 0),
      ...exitReasons.map((reason) => tally.exits[reason] ?? 0),
      ...this.#growing(state.name, index, instance?.run ?? "", figures),
      ...momentaryFigures.map((name) => figures?.[name] ?? null),
    ];
  }

  #growing(app: string, index: number, run: string, figures: Figures | undefined): (number | null)[] {
    const { counters } = this.#options;
    const { instances } = counters.tally(app);
    const tally = instances[index] ?? newInstanceTally();
    const { lifetime, values } = live(tally.lifetime, run, figures, tally.exits.oom ?? 0);
    if (lifetime !== tally.lifetime && figures) {
      instances[index] = { ...tally, lifetime };
      counters.touch(app);
    }
    return values;
  }

  async #usage(wanted: readonly { app: string; index: number }[]): Promise<Figures[]> {
    return Promise.all(
      wanted.map(async ({ app, index }) => {
        const { cpuUsec, memoryBytes, tasks } = await this.#options.backend.usage(app, index);
        return {
          ...(cpuUsec !== undefined && { cpuUserUsec: cpuUsec }),
          ...(memoryBytes !== undefined && { memoryBytes }),
          ...(tasks !== undefined && { tasks }),
        };
      }),
    );
  }
}
