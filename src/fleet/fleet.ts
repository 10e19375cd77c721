import type { Static } from "typebox";
import type { AppSummary, LiveSchema, RolloutProgress } from "../api/live-schema.ts";
import type { InstanceMetrics } from "../api/push-messages.ts";
import { whyDown } from "../domain/why-down.ts";

type Live = Static<typeof LiveSchema>;
type Snapshot = Extract<Live, { type: "snapshot" }>;

/** What there is, or what has changed of it. How a snapshot's rollouts go is told beside its apps. */
export type Change =
  | Exclude<Live, Snapshot>
  | (Omit<Snapshot, "apps"> & { apps: readonly (Omit<Snapshot["apps"][number], "rollout"> & { rollout?: object })[] });

/** One instance, as velosd tells of it. */
export type Instance = NonNullable<Extract<Change, { type: "instance" }>["instance"]>;

/** An app with its instances, by index, and the rollout it has or had. */
export interface FleetApp extends AppSummary {
  processes: readonly Instance[];
  rollout?: RolloutProgress;
}

/** What velosd has told of apps and instances, put together. Never changed in place. */
export interface Fleet {
  /** False until the first snapshot. */
  known: boolean;
  apps: ReadonlyMap<string, FleetApp>;
  problems: readonly string[];
}

export const emptyFleet: Fleet = { known: false, apps: new Map(), problems: [] };

/** The fleet after a change. */
export const applyChange = (fleet: Fleet, change: Change): Fleet => {
  switch (change.type) {
    case "snapshot": {
      const rollouts = new Map(change.rollouts.map((progress) => [progress.app, progress]));
      const apps = change.apps.map(({ rollout: _, ...app }): [string, FleetApp] => {
        const progress = rollouts.get(app.name);
        return [app.name, { ...app, ...(progress && { rollout: progress }) }];
      });
      return { known: true, apps: new Map(apps.sort(byName)), problems: change.problems };
    }
    case "app": {
      const { name, app } = change;
      if (!app) return { ...fleet, apps: without(fleet.apps, name) };
      const before = fleet.apps.get(name);
      return { ...fleet, apps: withApp(fleet.apps, { ...before, ...app, processes: before?.processes ?? [] }) };
    }
    case "instance": {
      const { index, instance, online } = change;
      const app = fleet.apps.get(change.app);
      if (!app) return fleet;
      const others = app.processes.filter((one) => one.index !== index);
      const processes = instance ? [...others, instance].sort((a, b) => a.index - b.index) : others;
      return { ...fleet, apps: withApp(fleet.apps, { ...app, processes, online }) };
    }
    case "rollout": {
      const { rollout, replaced, total } = change;
      const app = fleet.apps.get(change.app);
      if (!app) return fleet;
      const progress = { app: change.app, rollout, replaced, total };
      return { ...fleet, apps: withApp(fleet.apps, { ...app, rollout: progress }) };
    }
  }
};

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => a.localeCompare(b, "en");

/** The same order whenever an app is put in: rows must not jump. */
const withApp = (apps: Fleet["apps"], app: FleetApp): Fleet["apps"] => {
  if (apps.has(app.name)) return new Map(apps).set(app.name, app);
  return new Map([...apps, [app.name, app] as [string, FleetApp]].sort(byName));
};

const without = (apps: Fleet["apps"], name: string): Fleet["apps"] => {
  const rest = new Map(apps);
  rest.delete(name);
  return rest;
};

/** An app or instance that is not as it should be, in words. */
export interface Trouble {
  app: string;
  /** `api:2`, or the app's name. */
  name: string;
  /** `bad`: nobody mends it any more; `passing`: velos is at it. */
  kind: "bad" | "passing";
  why: string;
}

/** The answer to "is everything well?". */
export interface Health {
  apps: number;
  instances: number;
  online: number;
  /** Instances that somebody stopped on purpose: neither well nor unwell. */
  stopped: number;
  troubles: readonly Trouble[];
}

/** What an operator would want to know first. */
export const healthOf = (fleet: Fleet): Health => {
  const troubles: Trouble[] = [];
  let instances = 0;
  let online = 0;
  let stopped = 0;
  for (const app of fleet.apps.values()) {
    for (const instance of app.processes) {
      instances++;
      if (instance.status === "online") online++;
      else if (instance.status === "stopped") stopped++;
      const trouble = troubleOf(instance);
      if (trouble) troubles.push({ app: app.name, name: instance.name, ...trouble });
    }
    const failure = app.rollout?.rollout.status === "stalled" ? app.rollout.rollout.failure : undefined;
    if (failure) {
      const why = `the rollout stopped at ${app.name}:${failure.index}: ${failure.why}`;
      troubles.push({ app: app.name, name: app.name, kind: "bad", why });
    }
  }
  troubles.sort((a, b) => (a.kind === b.kind ? 0 : a.kind === "bad" ? -1 : 1));
  return { apps: fleet.apps.size, instances, online, stopped, troubles };
};

/** What is the matter with an instance; undefined for one that is well, on its way, or stopped by a person. */
export const troubleOf = (instance: Instance): Pick<Trouble, "kind" | "why"> | undefined => {
  switch (instance.status) {
    case "errored":
      return { kind: "bad", why: whyDown(instance) ?? "failed" };
    case "waiting":
      return { kind: "passing", why: whyDown(instance) ?? "waits for its restart" };
    case "stopped":
      return instance.hold?.why === "exited" ? { kind: "passing", why: whyDown(instance)! } : undefined;
    case "starting":
    case "stopping":
    case "online":
      return undefined;
  }
};

/**
 * What of CPU and memory an app's instances use together; undefined where nothing is known.
 * @param figures the newest; an instance that they lack has those it came with
 */
export const usageOf = (
  app: FleetApp,
  figures: Readonly<Record<string, InstanceMetrics>>,
): { cpuPercent: number | undefined; memoryBytes: number | undefined } => {
  const sum = (member: "cpuPercent" | "memoryBytes"): number | undefined => {
    const values = app.processes.flatMap((one) => figures[one.name]?.[member] ?? one[member] ?? []);
    return values.length === 0 ? undefined : values.reduce((total, value) => total + value, 0);
  };
  return { cpuPercent: sum("cpuPercent"), memoryBytes: sum("memoryBytes") };
};
