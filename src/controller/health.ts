import type { Backend } from "../backend/backend.ts";
import type { AppSpec, HealthCheck } from "../domain/app.ts";
import { healthTarget } from "../domain/health-target.ts";
import { instanceEnvironment } from "../domain/instance-environment.ts";
import type { ObservedInstance } from "../domain/instance.ts";
import type { KnownSpecs } from "../domain/known-specs.ts";
import { knownSpecs, specOfInstance } from "../domain/known-specs.ts";

/** Until an instance is well for the first time it is asked more often: a rollout waits for it. */
const FIRST_INTERVAL_MS = 250;

interface Subject {
  /** What it was started with, which may be the app's spec of before. */
  spec: AppSpec & { health: HealthCheck };
  run: string;
  /** When it began, was first seen and was first well, by `performance.now`: the clock may be set meanwhile. */
  began: number;
  seen: number;
  failures: number;
  well?: number;
  unwell?: string;
  timer?: NodeJS.Timeout;
}

export interface HealthOptions {
  backend: Backend;
  now: () => number;
  /** The state of an instance changed. */
  changed: (app: string) => void;
  /** An instance has failed its check as often as it may. */
  failed: (app: string, index: number, why: string) => void;
}

/**
 * Asks every instance that has a health check, each on its own schedule, and each by the spec that it was started with:
 * what a rollout has not replaced yet has neither the new spec's check nor lost its own. A run is asked from its
 * beginning until it ends; what is known of one run says nothing about the next.
 */
export class Health {
  readonly #options: HealthOptions;
  readonly #subjects = new Map<string, Subject>();

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Takes note of the instances there are, and returns them with what is known of their health. */
  annotate(specs: KnownSpecs, instances: readonly ObservedInstance[]): readonly ObservedInstance[] {
    const { name } = specs.spec;
    // No app without a check has to be looked at more closely.
    if (!knownSpecs(specs).some(isChecked)) {
      this.forget(name);
      return instances;
    }
    const alive = new Set<string>();
    const annotated = instances.map((instance) => {
      const isOnline = instance.status === "online";
      if (!(isOnline || instance.status === "starting") || instance.run === "") return instance;
      const key = `${name}:${instance.index}`;
      const subject = this.#subject(key, specs, instance);
      if (!subject) return instance;
      alive.add(key);
      if (!isOnline) return instance;
      if (subject.timer === undefined) this.#schedule(key, subject, instance.index, 0);
      return {
        ...instance,
        ...(subject.well === undefined
          ? { seenAt: this.#onClock(subject.seen) }
          : { wellAt: this.#onClock(subject.well) }),
        ...(subject.unwell !== undefined && { unwell: subject.unwell }),
      };
    });
    for (const key of this.#subjects.keys()) if (key.startsWith(`${name}:`) && !alive.has(key)) this.#drop(key);
    return annotated;
  }

  /** Asks no instance of the app any more. */
  forget(app: string): void {
    for (const key of this.#subjects.keys()) if (key.startsWith(`${app}:`)) this.#drop(key);
  }

  close(): void {
    for (const key of [...this.#subjects.keys()]) this.#drop(key);
  }

  /** Undefined for an instance that is not asked. */
  #subject(key: string, specs: KnownSpecs, instance: ObservedInstance): Subject | undefined {
    const known = this.#subjects.get(key);
    const spec = specOfInstance(specs, instance);
    if (!isChecked(spec)) return undefined;
    if (known?.run === instance.run) {
      known.spec = spec;
      return known;
    }
    this.#drop(key);
    const subject: Subject = {
      spec,
      run: instance.run,
      began: performance.now() - (instance.startedAt === undefined ? 0 : this.#options.now() - instance.startedAt),
      seen: performance.now(),
      failures: 0,
    };
    this.#subjects.set(key, subject);
    return subject;
  }

  /** A moment of `performance.now` in milliseconds since the epoch. */
  #onClock(moment: number): number {
    return Math.round(this.#options.now() - (performance.now() - moment));
  }

  #drop(key: string): void {
    clearTimeout(this.#subjects.get(key)?.timer);
    this.#subjects.delete(key);
  }

  #schedule(key: string, subject: Subject, index: number, afterMs: number): void {
    subject.timer = setTimeout(() => {
      void this.#ask(subject, index).then(() => {
        if (this.#subjects.get(key) !== subject) return;
        const { intervalMs } = subject.spec.health;
        this.#schedule(
          key,
          subject,
          index,
          subject.well === undefined ? Math.min(FIRST_INTERVAL_MS, intervalMs) : intervalMs,
        );
      });
    }, afterMs).unref();
  }

  async #ask(subject: Subject, index: number): Promise<void> {
    const { spec } = subject;
    const { backend, changed, failed } = this.#options;
    const problem = await this.#probe(spec, index, backend);
    if (this.#subjects.get(`${spec.name}:${index}`) !== subject) return;
    if (problem === undefined) {
      subject.failures = 0;
      const news = subject.well === undefined || subject.unwell !== undefined;
      subject.well ??= performance.now();
      delete subject.unwell;
      if (news) changed(spec.name);
      return;
    }
    if (subject.well === undefined && performance.now() - subject.began < spec.health.gracePeriodMs) return;
    subject.failures++;
    if (subject.failures < spec.health.failures) return;
    subject.failures = 0;
    subject.unwell = `its health check failed: ${problem}`;
    changed(spec.name);
    failed(spec.name, index, subject.unwell);
  }

  async #probe(spec: Subject["spec"], index: number, backend: Backend): Promise<string | undefined> {
    const healthSocket = backend.healthSocket(spec.name, index);
    const { visible, secret } = instanceEnvironment(spec, index, index + 1, { healthSocket });
    const env = { ...secret, ...visible };
    delete env["NODE_OPTIONS"];
    try {
      const target = healthTarget(spec, env, healthSocket);
      const user = spec.user;
      // Its HTTP client is 4 MB of memory: loaded only where a health check is.
      const { probe } = await import("./health-probe.ts");
      return await probe(target!, spec.health.timeoutMs, { cwd: spec.cwd, env, ...(user !== undefined && { user }) });
    } catch (error) {
      return (error as Error).message;
    }
  }
}

const isChecked = (spec: AppSpec | undefined): spec is Subject["spec"] => spec?.health !== undefined;
