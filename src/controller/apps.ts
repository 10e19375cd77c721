import type { Backend, LogLine, LogQuery } from "../backend/backend.ts";
import type { AppSpec } from "../domain/app.ts";
import { VelosError } from "../domain/errors.ts";
import type { ObservedInstance } from "../domain/instance.ts";
import { knownSpecs, specOfInstance } from "../domain/known-specs.ts";
import { MASK, maskedSpec } from "../domain/masked-spec.ts";
import type { Target } from "../domain/selector.ts";
import { noSuchApp, parseSelector, resolveSelectors } from "../domain/selector.ts";
import type { AppState } from "./app-state.ts";
import type { Converge } from "./converge.ts";
import type { Counters } from "./counters.ts";
import type { UsageMeter } from "./usage-meter.ts";
import type { AppView, InstanceView, ViewContext } from "./views.ts";
import { viewApp } from "./views.ts";

export interface AppsOptions {
  backend: Backend;
  converge: Converge;
  counters: Counters;
  meter: UsageMeter;
  now: () => number;
}

/** The apps there are: found by selectors, and as an operator sees them. Changes nothing. */
export class Apps {
  readonly #options: AppsOptions;

  constructor(options: AppsOptions) {
    this.#options = options;
  }

  /** Apps and their instances; all of them without selectors. */
  async list(selectors: readonly string[] = [], usage = true): Promise<AppView[]> {
    const targets =
      selectors.length === 0 ? this.#options.converge.names().map((app): Target => ({ app })) : this.targets(selectors);
    const views = await Promise.all(
      [...new Set(targets.map(({ app }) => app))].map((app) => this.view(this.state(app), usage)),
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
    const target = this.target(selector);
    const state = this.state(target.app);
    const app = await this.view(state);
    const instance = target.index === undefined ? undefined : app.processes.find(({ index }) => index === target.index);
    return { app, spec: secrets ? state.record.spec : maskedSpec(state.record.spec), ...(instance && { instance }) };
  }

  /** The environment an instance was started with; secrets are masked unless they are asked for. */
  async environment(selector: string, withSecrets = false): Promise<Record<string, string>> {
    const { app, index = 0 } = this.target(selector);
    this.checkIndex(app, index);
    const instance = this.#options.backend.observe(app).find((one) => one.index === index);
    if (!instance) {
      throw new VelosError("INSTANCE_FAILED", { app, index, why: "it is not running" });
    }
    const environment = await this.#options.backend.environment(app, index);
    if (withSecrets) return environment;
    // In a rollout it may be one on another spec, with secrets that the new one does not have any more.
    const { record } = this.state(app);
    const own = specOfInstance(record, instance);
    const secrets = (own ? [own] : knownSpecs(record)).flatMap(({ secretEnv }) => Object.keys(secretEnv));
    return { ...environment, ...Object.fromEntries(secrets.map((name) => [name, MASK])) };
  }

  /** Lines of the selected apps' output, oldest first. */
  logTargets(selectors: readonly string[]): Target[] {
    const targets =
      selectors.length === 0 ? this.#options.converge.names().map((app) => ({ app })) : this.targets(selectors);
    // What an instance printed outlives it: the extra one of a rollout, or one that was scaled away.
    for (const { app, index } of targets as Target[])
      if (index === undefined || !this.#options.counters.of(app).has(index)) this.checkIndex(app, index);
    return targets;
  }

  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine> {
    return this.#options.backend.logs(query, signal);
  }

  targets(selectors: readonly string[]): Target[] {
    return resolveSelectors(selectors.map(parseSelector), this.#options.converge.names());
  }

  /**
   * The one app or instance that a selector means, for what is done to one at a time.
   * @throws VelosError APP_NOT_FOUND, and USAGE for a selector that means several
   */
  target(selector: string): Target {
    const [first, ...more] = this.targets([selector]);
    if (!first) throw new VelosError("APP_NOT_FOUND", { selector });
    if (more.length === 0) return first;
    const names = [first, ...more].map(({ app }) => app);
    throw new VelosError("USAGE", {
      why: `'${selector}' means ${names.length} apps, and this is done to one`,
      hint: `name one of them: ${names.slice(0, 5).join(", ")}${names.length > 5 ? ", …" : ""}`,
    });
  }

  checkIndex(app: string, index: number | undefined): void {
    if (index === undefined) return;
    const { instances } = this.state(app).record;
    if (index < instances) return;
    throw new VelosError("INSTANCE_NOT_FOUND", { app, index, range: instances === 1 ? "0" : `0 to ${instances - 1}` });
  }

  state(app: string): AppState {
    const state = this.#options.converge.get(app);
    if (!state) throw noSuchApp(app, this.#options.converge.names());
    return state;
  }

  async view(state: AppState, usage = true): Promise<AppView> {
    await this.#options.converge.caughtUp();
    return viewApp(state, { ...this.context(), meter: this.#options.meter }, usage);
  }

  context(): ViewContext {
    const observe = (app: string): readonly ObservedInstance[] => this.#options.converge.observe(app);
    const { backend, counters, now } = this.#options;
    return { backend, counters, observe, now: now() };
  }
}
