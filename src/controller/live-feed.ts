import type { InstanceStatus } from "../domain/instance.ts";
import type { Rollout } from "../domain/rollout.ts";
import type { Converge } from "./converge.ts";
import type { RolloutCount } from "./rollout-count.ts";
import type { AppView, InstanceView, ViewContext } from "./views.ts";
import { lookAtApp } from "./views.ts";

/** An app's own members. */
export type AppSummary = Omit<AppView, "processes" | "rollout">;

/** A rollout, and how far it has come. */
export interface RolloutProgress extends RolloutCount {
  app: string;
  rollout: Omit<Rollout, "from">;
}

/** Everything there is, or a change of it. `instance` and `app` are absent when what is named is gone. */
export type LiveItem =
  | { type: "snapshot"; at: number; apps: AppView[]; rollouts: RolloutProgress[]; problems: string[] }
  | {
      type: "instance";
      at: number;
      name: string;
      app: string;
      index: number;
      status: InstanceStatus | "absent";
      previous: InstanceStatus | "absent";
      instance?: InstanceView;
      online: number;
    }
  | { type: "app"; at: number; name: string; change: "created" | "updated" | "deleted"; app?: AppSummary }
  | ({ type: "rollout"; at: number } & RolloutProgress);

/** What was told last of an app. */
interface Told {
  app: string;
  rollout: string;
  instances: Map<number, { text: string; status: InstanceStatus }>;
}

export interface LiveFeedOptions {
  converge: Converge;
  context: () => ViewContext;
  problems: readonly string[];
}

/**
 * Tells its subscribers what an operator would see change. It compares what is there with what it told last, so that
 * whatever the reason of a change was, nothing is left out and nothing is told twice. Without subscribers it does
 * nothing.
 */
export class LiveFeed {
  readonly #options: LiveFeedOptions;
  readonly #told = new Map<string, Told>();
  readonly #listeners = new Set<(item: LiveItem) => void>();

  constructor(options: LiveFeedOptions) {
    this.#options = options;
  }

  /** The listener gets a snapshot at once, then each change. Returns what ends that. */
  subscribe(listener: (item: LiveItem) => void): () => void {
    listener(this.snapshot());
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#told.clear();
    };
  }

  /** Everything there is; the changes that come after it are changes to it. */
  snapshot(): LiveItem {
    const { converge, context, problems } = this.#options;
    const apps: AppView[] = [];
    const rollouts: RolloutProgress[] = [];
    for (const name of converge.names()) {
      // What others have not been told yet, they are told before: one memory of what was told serves them all.
      if (this.#listeners.size > 0) this.look(name);
      const state = converge.get(name)!;
      const { view } = lookAtApp(state, context());
      const progress = progressOf(view);
      apps.push(view);
      if (progress) rollouts.push(progress);
      if (this.#listeners.size === 0) this.#told.set(name, tellingOf(view, progress));
    }
    return { type: "snapshot", at: context().now, apps, rollouts, problems: [...problems] };
  }

  /** To be called whenever an app may look different from before. */
  look(name: string): void {
    if (this.#listeners.size === 0) return;
    const { converge, context } = this.#options;
    const { now: at } = context();
    const before = this.#told.get(name);
    const state = converge.get(name);
    if (!state) {
      if (!before) return;
      this.#told.delete(name);
      return this.#tell({ type: "app", at, name, change: "deleted" });
    }
    const { view } = lookAtApp(state, context());
    const progress = progressOf(view);
    const now = tellingOf(view, progress);
    this.#told.set(name, now);
    if (now.app !== before?.app)
      this.#tell({ type: "app", at, name, change: before ? "updated" : "created", app: summaryOf(view) });
    this.#tellInstances(view, before, now, at);
    if (progress && now.rollout !== before?.rollout) this.#tell({ type: "rollout", at, ...progress });
  }

  #tellInstances(view: AppView, before: Told | undefined, now: Told, at: number): void {
    const { name: app, online } = view;
    for (const instance of view.processes) {
      const { index, name, status } = instance;
      const told = before?.instances.get(index);
      if (told?.text === now.instances.get(index)!.text) continue;
      this.#tell({
        type: "instance",
        at,
        name,
        app,
        index,
        status,
        previous: told?.status ?? "absent",
        instance,
        online,
      });
    }
    for (const [index, { status: previous }] of before?.instances ?? []) {
      if (now.instances.has(index)) continue;
      this.#tell({ type: "instance", at, name: `${app}:${index}`, app, index, status: "absent", previous, online });
    }
  }

  #tell(item: LiveItem): void {
    for (const listener of this.#listeners) listener(item);
  }
}

const progressOf = ({ name: app, rollout }: AppView): RolloutProgress | undefined => {
  if (!rollout) return undefined;
  const { from: _, replaced, total, ...rest } = rollout;
  return { app, rollout: rest, replaced, total };
};

const summaryOf = ({ processes: _, rollout: __, ...summary }: AppView): AppSummary => summary;

/** What is compared: how many are online comes with the instances, and the time that one is up passes by itself. */
const tellingOf = (view: AppView, progress: RolloutProgress | undefined): Told => {
  const { online: _, ...app } = summaryOf(view);
  const ended = progress !== undefined && progress.rollout.endedAt !== undefined;
  return {
    app: JSON.stringify(app),
    rollout: progress ? JSON.stringify([progress.rollout, ended ? 0 : progress.replaced, progress.total]) : "",
    instances: new Map(
      view.processes.map(({ uptimeMs: _, ...instance }) => [
        instance.index,
        { text: JSON.stringify(instance), status: instance.status },
      ]),
    ),
  };
};
