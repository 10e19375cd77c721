import { absorb } from "../../src/domain/absorb.ts";
import { finishRollout, stopRollout } from "../../src/domain/begin-rollout.ts";
import type { CrashTrack } from "../../src/domain/crash-track.ts";
import { endTrack, newTrack, trackRun } from "../../src/domain/crash-track.ts";
import type { ObservedInstance } from "../../src/domain/instance.ts";
import { specOfInstance } from "../../src/domain/known-specs.ts";
import type { Action, Observed, Plan } from "../../src/domain/plan.ts";
import { plan } from "../../src/domain/plan.ts";
import type { AppRecord } from "../../src/domain/record.ts";
import type { Rollout, RolloutKind } from "../../src/domain/rollout.ts";
import { isActive } from "../../src/domain/rollout.ts";
import type { World } from "./world.ts";

/** What outlives velosd: the desired state and the restart counters. */
export interface Store {
  /** Undefined once the app is deleted and gone. */
  record: AppRecord | undefined;
  tracks: Map<number, CrashTrack>;
}

/** Sees every plan before it is carried out; throws when one breaks a promise. */
export type Inspect = (record: AppRecord, observed: Observed, planned: Plan, world: World) => void;

/** How long an instance may fail its health check until it is unwell. */
const UNWELL_AFTER_MS = 4000;

/** An action under way, and the rollout it was meant for. */
interface PendingAction {
  type: Action["type"];
  stage: string;
}

const stageOf = ({ rollout }: AppRecord): string => (rollout ? `${rollout.id} ${rollout.kind}` : "");

/**
 * The controller as far as plan() needs one: it looks, absorbs, plans, acts, and looks again when something happened or
 * the plan said so; never otherwise, so that a missing `lookAgainAt` leaves the world standing still.
 */
export class Velosd {
  alive = true;
  private readonly world: World;
  private readonly store: Store;
  private readonly inspect: Inspect;
  private readonly pending = new Map<number, PendingAction>();
  private readonly refused = new Map<number, string>();
  /** What was sent and has not reached the supervisor. */
  private readonly wire = new Set<() => void>();
  private arrival = 0;
  /** Since when each run is asked. */
  private readonly asked = new Map<string, number>();
  private woken = false;
  private timer = Symbol();

  constructor(world: World, store: Store, inspect: Inspect) {
    this.world = world;
    this.store = store;
    this.inspect = inspect;
    world.onChange = () => this.wake();
    world.isAttended = true;
    this.look();
  }

  /** `kill -9`. What was on the wire arrives or is lost. */
  die(arrives: boolean): void {
    this.alive = false;
    this.world.onChange = () => undefined;
    this.world.isAttended = false;
    const wire = [...this.wire];
    this.wire.clear();
    if (arrives) for (const deliver of wire) deliver();
  }

  /** A command changes the record; it has no effect on an app that is being deleted. */
  command(change: (record: AppRecord) => AppRecord): void {
    const { record } = this.store;
    if (record === undefined || record.deleting) return;
    this.store.record = change(record);
    this.refused.clear();
    this.look();
  }

  /** The record with a new rollout of these indexes, if it runs. */
  begin(record: AppRecord, kind: RolloutKind, indexes?: readonly number[]): AppRecord {
    if (!record.running) return record;
    const runs = new Map(this.world.observe().map((instance) => [instance.index, instance.run]));
    const all = indexes ?? Array.from({ length: record.instances }, (_, index) => index);
    const from = Object.fromEntries(all.map((index) => [index, runs.get(index) ?? ""]));
    const id = `r${this.world.now}`;
    return { ...record, rollout: { id, kind, status: "running", reason: "manual", from, startedAt: this.world.now } };
  }

  private look(): void {
    const { world, store } = this;
    if (!this.alive || store.record === undefined) return;
    const instances = world.observe().map((instance) => this.annotate(store.record!, instance));
    const pending = new Map([...this.pending].map(([index, { type }]) => [index, type]));
    this.track(store.record, instances);
    const record = absorb(store.record, instances, pending, store.tracks, "life", world.now);
    store.record = record;
    if (record.deleting && instances.length === 0 && this.pending.size === 0) {
      store.record = undefined;
      return;
    }
    const observed = { instances, pending, refused: new Map(this.refused) };
    const planned = plan(record, observed, world.now);
    this.inspect(record, observed, planned, world);
    for (const action of planned.actions) this.act(record, action);
    // One timer, set anew by every look: nothing but the last plan may wake it.
    const timer = (this.timer = Symbol());
    if (planned.lookAgainAt !== undefined) world.at(planned.lookAgainAt, () => this.timer === timer && this.wake());
    if (planned.verdict) this.conclude(record, record.rollout!, planned.verdict, instances);
  }

  /** What is known of an instance's health: it is asked by the spec that it was started with. */
  private annotate(record: AppRecord, instance: ObservedInstance): ObservedInstance {
    const { world } = this;
    if (instance.status !== "online") return instance;
    const health = specOfInstance(record, instance)?.health;
    if (!health) return instance;
    const since = this.asked.get(instance.run) ?? world.now;
    this.asked.set(instance.run, since);
    const wellAt = Math.max(world.wellAt(instance.index, health), since + 1);
    if (wellAt <= world.now) return { ...instance, wellAt };
    const unwellAt = since + UNWELL_AFTER_MS;
    world.at(Math.min(wellAt, unwellAt <= world.now ? Infinity : unwellAt), () => this.wake());
    return { ...instance, seenAt: since, ...(unwellAt <= world.now && { unwell: "GET /: 500" }) };
  }

  private conclude(
    record: AppRecord,
    rollout: Rollout,
    verdict: NonNullable<Plan["verdict"]>,
    instances: readonly ObservedInstance[],
  ): void {
    this.refused.clear();
    this.store.record =
      verdict.status === "done"
        ? finishRollout(record, rollout, this.world.now)
        : stopRollout(record, rollout, verdict.failure, instances, this.world.now);
    this.wake();
  }

  private act(record: AppRecord, { type, index }: Action): void {
    const { world } = this;
    const entry = { type, stage: stageOf(record) };
    this.pending.set(index, entry);
    const answered = (failure?: string): void => {
      // A start that a stop has overtaken fails, and that is what was wanted.
      if (!this.alive || this.pending.get(index) !== entry) return;
      this.pending.delete(index);
      if (failure !== undefined) this.failed(entry, index, failure);
      this.wake();
    };
    const deliver = (): void => {
      this.wire.delete(deliver);
      if (type === "start") world.start(record.spec, index, answered);
      else world[type](index, answered);
    };
    // One connection: what is sent first arrives first.
    this.wire.add(deliver);
    this.arrival = Math.max(this.arrival, world.now + world.latency());
    world.at(this.arrival, () => {
      if (this.alive) deliver();
    });
  }

  private failed(entry: PendingAction, index: number, failure: string): void {
    const record = this.store.record;
    if (record === undefined || entry.type === "stop" || entry.type === "clear" || stageOf(record) !== entry.stage)
      return;
    const rollout = isActive(record.rollout) && record.rollout.kind !== "restart" ? record.rollout : undefined;
    if (rollout?.from[index] !== undefined || (rollout && index >= record.instances)) {
      this.refused.set(index, failure);
      return;
    }
    const found = this.world.observe().find((instance) => instance.index === index);
    // While the supervisor tries again by itself, max_restarts decides.
    if (found && found.status !== "errored" && found.status !== "stopped") return;
    this.store.record = { ...record, holds: { ...record.holds, [index]: { why: "failed", at: this.world.now } } };
  }

  private track(record: AppRecord, instances: readonly ObservedInstance[]): void {
    const { tracks } = this.store;
    for (const instance of instances) {
      tracks.set(instance.index, trackRun(tracks.get(instance.index) ?? newTrack(), instance, record.spec.minUptimeMs));
    }
    for (const [index, track] of tracks) {
      const isThere = instances.some((instance) => instance.index === index);
      const isReplacing = isActive(record.rollout) && record.rollout.from[index] !== undefined;
      if (!isThere && track.run !== "" && !this.pending.has(index) && !isReplacing) tracks.set(index, endTrack(track));
    }
  }

  /** Looks once, however much happens in one moment. */
  private wake(): void {
    if (this.woken || !this.alive) return;
    this.woken = true;
    this.world.after(0, () => {
      this.woken = false;
      this.look();
    });
  }
}
