import fc from "fast-check";
import type { AppSummary, RolloutProgress } from "../../src/api/live-schema.ts";
import type { Change, Instance } from "../../src/fleet/fleet.ts";

/** What can happen to the apps of a server. */
export type Step =
  | { kind: "create" | "delete" | "update"; app: string; instances: number }
  | { kind: "instance"; app: string; index: number; status: Instance["status"] | "absent" }
  | { kind: "rollout"; app: string; replaced: number; status: "running" | "done" };

const name = fc.constantFrom("api", "worker", "Zeta", "a-b");
const status = fc.constantFrom("online", "starting", "stopping", "stopped", "waiting", "errored");

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("create" as const, "delete" as const, "update" as const),
    app: name,
    instances: fc.integer({ min: 1, max: 5 }),
  }),
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("instance" as const),
      app: name,
      index: fc.integer({ min: 0, max: 5 }),
      status: fc.oneof(status, fc.constant("absent" as const)),
    }),
  },
  fc.record({
    kind: fc.constant("rollout" as const),
    app: name,
    replaced: fc.integer({ min: 0, max: 5 }),
    status: fc.constantFrom("running" as const, "done" as const),
  }),
);

interface ModelApp {
  summary: AppSummary;
  instances: Map<number, Instance>;
  rollout?: RolloutProgress;
}

/** A server as the messages describe it: takes steps, tells of them, and can say at any time how all of it stands. */
export class ServerModel {
  #apps = new Map<string, ModelApp>();
  #at = 1000;

  /** The messages that tell of a step; none where it changes nothing. */
  take(step: Step): Change[] {
    const at = ++this.#at;
    const app = this.#apps.get(step.app);
    switch (step.kind) {
      case "create": {
        if (app) return [];
        const summary = this.#summary(step.app, step.instances);
        this.#apps.set(step.app, { summary, instances: new Map() });
        return [{ type: "app", at, name: step.app, change: "created", app: summary }];
      }
      case "update": {
        if (!app) return [];
        app.summary = { ...app.summary, instances: step.instances, updatedAt: at };
        return [{ type: "app", at, name: step.app, change: "updated", app: app.summary }];
      }
      case "delete": {
        if (!this.#apps.delete(step.app)) return [];
        return [{ type: "app", at, name: step.app, change: "deleted" }];
      }
      case "rollout": {
        if (!app) return [];
        const { replaced, status: rolloutStatus } = step;
        const rollout = { id: "r", kind: "reload", status: rolloutStatus, reason: "manual", startedAt: at } as const;
        app.rollout = { app: step.app, rollout, replaced, total: 5 };
        return [{ type: "rollout", at, ...app.rollout }];
      }
      case "instance":
        return app ? [this.#instance(app, step, at)] : [];
    }
  }

  snapshot(): Extract<Change, { type: "snapshot" }> {
    const apps = [...this.#apps.values()].map(({ summary, instances }) => ({
      ...summary,
      processes: [...instances.values()].sort((a, b) => a.index - b.index),
    }));
    const rollouts = [...this.#apps.values()].flatMap(({ rollout }) => rollout ?? []);
    return { type: "snapshot", at: this.#at, apps, rollouts, problems: [] };
  }

  #instance(app: ModelApp, step: Step & { kind: "instance" }, at: number): Change {
    const { index, status: becomes } = step;
    const previous = app.instances.get(index)?.status ?? "absent";
    const label = `${step.app}:${index}`;
    const instance =
      becomes === "absent" ? undefined : { name: label, app: step.app, index, status: becomes, restarts: at % 7 };
    if (instance) app.instances.set(index, instance);
    else app.instances.delete(index);
    const online = [...app.instances.values()].filter((one) => one.status === "online").length;
    app.summary = { ...app.summary, online };
    return {
      type: "instance",

      at,
      name: label,
      app: step.app,
      index,
      status: becomes,
      previous,
      ...(instance && { instance }),
      online,
    };
  }

  #summary(app: string, instances: number): AppSummary {
    return {
      name: app,
      instances,
      running: true,
      online: 0,
      backend: "systemd",
      spec: "9f1c2ab4",
      command: `/srv/${app}/server.js`,
      cwd: `/srv/${app}`,
      createdAt: this.#at,
      updatedAt: this.#at,
    };
  }
}
