import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { liveStream } from "../../src/api/live-stream.ts";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { Controller } from "../../src/controller/controller.ts";
import type { LiveItem } from "../../src/controller/live-feed.ts";
import type { AppView } from "../../src/controller/views.ts";
import { specOf as spec } from "../domain/spec.ts";

let directory: string;
let controller: Controller;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "velos-live-"));
  controller = new Controller({ backend: new MemoryBackend(new MemoryWorld()), stateDirectory: directory });
  await controller.open();
});
afterEach(async () => {
  await controller.close();
  await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
});

/** Rollouts that wait for nothing. */
const quick = { minUptimeMs: 0, rollout: { pauseMs: 0 } };

/** What a client that applies every item ends up with. */
class Replica {
  readonly apps = new Map<string, Omit<AppView, "processes" | "rollout" | "online">>();
  readonly instances = new Map<string, string>();
  readonly items: LiveItem[] = [];

  apply(item: LiveItem): void {
    this.items.push(item);
    switch (item.type) {
      case "snapshot":
        this.apps.clear();
        this.instances.clear();
        for (const { processes, rollout: _, online: __, ...app } of item.apps) {
          this.apps.set(app.name, app);
          for (const { uptimeMs: ___, ...instance } of processes)
            this.instances.set(instance.name, JSON.stringify(instance));
        }
        break;
      case "app": {
        if (!item.app) this.apps.delete(item.name);
        else {
          const { online: _, ...app } = item.app;
          this.apps.set(item.name, app);
        }
        if (!item.app)
          for (const name of this.instances.keys()) if (name.startsWith(`${item.name}:`)) this.instances.delete(name);
        break;
      }
      case "instance": {
        if (!item.instance) this.instances.delete(item.name);
        else {
          const { uptimeMs: _, ...instance } = item.instance;
          this.instances.set(item.name, JSON.stringify(instance));
        }
        break;
      }
      case "rollout":
    }
  }
}

const truth = async (): Promise<Replica> => {
  const replica = new Replica();
  replica.apply({ type: "snapshot", at: 0, apps: await controller.apps.list([], false), rollouts: [], problems: [] });
  return replica;
};

it("tells everything that a look would show, whatever happens", async () => {
  const replica = new Replica();
  const end = controller.live.subscribe((item) => replica.apply(item));
  const agrees = async (): Promise<void> => {
    const { apps, instances } = await truth();
    expect(replica.apps).toEqual(apps);
    expect(replica.instances).toEqual(instances);
  };
  await controller.commands.start(spec({ name: "api" }), { kind: "exact", count: 3 });
  await agrees();
  await controller.commands.stop(["api:1"]);
  await agrees();
  await controller.commands.scale("api", { kind: "change", by: -1 });
  await agrees();
  await controller.commands.start(spec({ name: "api", args: ["other"], ...quick }), undefined);
  await agrees();
  await controller.commands.stop(["api"]);
  await agrees();
  await controller.commands.delete(["api"]);
  await agrees();
  expect(replica.apps.size).toBe(0);
  end();
});

it("tells a change once, and nothing that is as it was", async () => {
  const items: LiveItem[] = [];
  const end = controller.live.subscribe((item) => items.push(item));
  await controller.commands.start(spec({ name: "api" }), { kind: "exact", count: 2 });
  const texts = items.map((item) => JSON.stringify({ ...item, at: 0 }));
  expect(new Set(texts).size).toBe(texts.length);
  const told = items.length;
  for (let n = 0; n < 10; n++) controller.converge.wake("api");
  await controller.converge.caughtUp();
  expect(items.length).toBe(told);
  end();
});

it("tells how far a rollout is", async () => {
  await controller.commands.start(spec({ name: "api", ...quick }), { kind: "exact", count: 3 });
  const items: LiveItem[] = [];
  const end = controller.live.subscribe((item) => items.push(item));
  await controller.commands.restart(["api"], "reload");
  const steps = items.flatMap((item) => (item.type === "rollout" ? [item] : []));
  expect(steps.map(({ total }) => total)).toEqual(steps.map(() => 3));
  expect(steps.map(({ replaced }) => replaced)).toEqual([...steps.map(({ replaced }) => replaced)].sort());
  expect(steps.at(-1)).toMatchObject({ app: "api", replaced: 3, rollout: { status: "done", kind: "reload" } });
  expect(steps[0]).toMatchObject({ replaced: 0, rollout: { status: "running" } });
  expect(JSON.stringify(steps)).not.toContain('"from"');
  end();
});

it("gives each subscriber everything at first, and does nothing without one", async () => {
  await controller.commands.start(spec({ name: "api" }), undefined);
  const [first, second] = [new Replica(), new Replica()];
  const ends = [
    controller.live.subscribe((item) => first.apply(item)),
    controller.live.subscribe((item) => second.apply(item)),
  ];
  await controller.commands.stop(["api"]);
  expect(second.instances).toEqual(first.instances);
  expect(second.items.slice(1)).toEqual(first.items.slice(1));
  for (const end of ends) end();
  const count = first.items.length;
  await controller.commands.resume(["api"]);
  expect(first.items.length).toBe(count);
});

it("a reader that is too slow is told everything anew, instead of what it missed", async () => {
  const change = (index: number): LiveItem => ({
    ...{ type: "instance", at: 1, name: `api:${index}`, app: "api", index },
    ...{ status: "absent", previous: "online", online: 0 },
  });
  const anew: LiveItem = { type: "snapshot", at: 2, apps: [], rollouts: [], problems: [] };
  let listener!: (item: LiveItem) => void;
  const feed = { subscribe: (wanted: typeof listener) => ((listener = wanted), () => {}), snapshot: () => anew };
  const control = new AbortController();
  const stream = liveStream(feed, control.signal)[Symbol.asyncIterator]();
  const first = stream.next();
  for (let n = 0; n <= 10_000; n++) listener(change(n));
  expect((await first).value).toBe(anew);
  listener(change(1));
  expect((await stream.next()).value).toEqual(change(1));
  control.abort();
  expect((await stream.next()).done).toBe(true);
});
