import type { Result } from "../api/operations.ts";
import type { RolloutProgress } from "../api/push-messages.ts";
import type { Sample } from "./samples.ts";
import type { Live } from "./velosd.ts";

type View = Result<"list">["apps"][number];
export type Instance = View["processes"][number];
/** An app with its instances; of its rollout what `RolloutProgress` has. */
export type App = Omit<View, "rollout"> & { rollout?: RolloutProgress["rollout"] };

interface Entry {
  app: Omit<View, "processes" | "online" | "rollout">;
  instances: Map<number, Instance>;
  rollout?: RolloutProgress;
  /** As JSON, with the figures of `sample`; absent when something has changed since. */
  text?: string;
}

/**
 * All apps as velosd has told of them, in memory: a question needs no way to velosd, and what has not changed since the
 * last answer is not written anew. Figures are as old as the sample that they are from.
 */
export class Fleet {
  readonly #entries = new Map<string, Entry>();
  #problems: string[] = [];
  #sample: Sample | undefined;
  #list: Buffer | undefined;
  #rows: Buffer | undefined;
  #isUnmeasured = false;

  /** True when there are runs that are newer than the figures. */
  get isUnmeasured(): boolean {
    return this.#isUnmeasured;
  }

  /** Takes over what velosd tells. */
  apply(item: Live): void {
    this.#list = this.#rows = undefined;
    switch (item.type) {
      case "snapshot":
        this.#take(item);
        break;
      case "app":
        if (!item.app) this.#entries.delete(item.name);
        else this.#change(item.name, item.app);
        break;
      case "instance": {
        const entry = this.#entries.get(item.app);
        if (!entry) break;
        delete entry.text;
        this.#isUnmeasured ||= item.instance?.pid !== undefined;
        if (item.instance) entry.instances.set(item.index, item.instance);
        else entry.instances.delete(item.index);
        break;
      }
      case "rollout": {
        const { type: _, at: __, ...progress } = item;
        const entry = this.#entries.get(item.app);
        if (!entry) break;
        delete entry.text;
        entry.rollout = progress;
      }
    }
  }

  /** The figures that answers have from now on. */
  use(sample: Sample): void {
    if (sample === this.#sample) return;
    this.#sample = sample;
    this.#isUnmeasured = false;
    this.#list = this.#rows = undefined;
    for (const entry of this.#entries.values()) delete entry.text;
  }

  get names(): string[] {
    return [...this.#entries.keys()].sort();
  }

  get problems(): readonly string[] {
    return this.#problems;
  }

  get rollouts(): RolloutProgress[] {
    return this.names.flatMap((name) => this.rollout(name) ?? []);
  }

  rollout(name: string): RolloutProgress | undefined {
    return this.#entries.get(name)?.rollout;
  }

  app(name: string): App | undefined {
    const entry = this.#entries.get(name);
    return entry && this.#whole(entry);
  }

  instance(app: string, index: number): Instance | undefined {
    const instance = this.#entries.get(app)?.instances.get(index);
    return instance && this.#measured(instance);
  }

  /** `{"apps":[…],"problems":[…]}` */
  list(): Buffer {
    return (this.#list ??= Buffer.from(
      `{"apps":[${this.names.map((name) => this.text(name)!).join(",")}],"problems":${JSON.stringify(this.#problems)}}`,
    ));
  }

  /** `{"processes":[…],"problems":[…]}`: a row for each instance. */
  rows(): Buffer {
    return (this.#rows ??= Buffer.from(
      JSON.stringify({ processes: this.names.flatMap((name) => this.app(name)!.processes), problems: this.#problems }),
    ));
  }

  /** An app as JSON. */
  text(name: string): string | undefined {
    const entry = this.#entries.get(name);
    return entry && (entry.text ??= JSON.stringify(this.#whole(entry)));
  }

  #take({ apps, rollouts, problems }: Extract<Live, { type: "snapshot" }>): void {
    this.#entries.clear();
    this.#problems = problems;
    for (const { processes, online: _, rollout: __, ...app } of apps)
      this.#entries.set(app.name, { app, instances: new Map(processes.map((process) => [process.index, process])) });
    for (const progress of rollouts) {
      const entry = this.#entries.get(progress.app);
      if (entry) entry.rollout = progress;
    }
  }

  #change(name: string, { online: _, ...app }: Omit<View, "processes" | "rollout">): void {
    const entry = this.#entries.get(name);
    this.#entries.set(name, {
      app,
      instances: entry?.instances ?? new Map<number, Instance>(),
      ...(entry?.rollout && { rollout: entry.rollout }),
    });
  }

  #whole({ app, instances, rollout }: Entry): App {
    const processes = [...instances.values()]
      .sort((a, b) => a.index - b.index)
      .map((instance) => this.#measured(instance));
    const online = processes.filter(({ status }) => status === "online").length;
    return { ...app, online, ...(rollout && { rollout: rollout.rollout }), processes };
  }

  #measured(instance: Instance): Instance {
    const figures = instance.pid === undefined ? undefined : this.#sample?.instances.get(instance.name);
    return {
      ...instance,
      ...(figures?.cpuPercent !== undefined && { cpuPercent: figures.cpuPercent }),
      ...(figures?.memoryBytes !== undefined && { memoryBytes: figures.memoryBytes }),
      ...(instance.startedAt !== undefined && { uptimeMs: Math.max(0, Date.now() - instance.startedAt) }),
    };
  }
}
