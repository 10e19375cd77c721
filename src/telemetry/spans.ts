import type { VelosEvent } from "../controller/events.ts";
import type { ActionBegan, CommandType, Observer, RunEnded, RunReady, WatchedAction } from "../controller/observer.ts";
import { describeExit } from "../domain/instance.ts";
import type { AppRecord } from "../domain/record.ts";
import { causeOf } from "../domain/tally.ts";
import type { OpenAction } from "./action-spans.ts";
import { actionSpans, waitsForHealth } from "./action-spans.ts";
import { CommandSpans } from "./command-spans.ts";
import type { Outbox } from "./outbox.ts";
import type { Place } from "./place.ts";
import { newPlace, parseTraceparent, traceparentOf } from "./place.ts";
import { RolloutSpans } from "./rollout-spans.ts";
import { endSpan, foundSpan, holdSpan } from "./run-spans.ts";

/** What is known of the run that an instance is on, or was last. */
interface KnownRun {
  run: string;
  pid: number | undefined;
  place: Place;
}

/**
 * Makes spans of what velosd does and sees. A span is made when it is over, with the times at which things happened: so
 * none is left open, and what happened while velosd was down is told like everything else.
 */
export class Spans implements Observer {
  readonly #outbox: Outbox;
  readonly #isSystemd: boolean;
  readonly #commands: CommandSpans;
  readonly #rollouts: RolloutSpans;
  /** Starts and restarts that are under way, or wait for their health check, by instance (`api:2`). */
  readonly #open = new Map<string, OpenAction>();
  readonly #runs = new Map<string, KnownRun>();
  /** Crashes after which no run became ready yet. */
  readonly #crashes = new Map<string, { place: Place; at: number }>();
  /** Extra instances of a rollout: their end belongs to it also when it is over. */
  readonly #surge = new Map<string, Place>();

  constructor(outbox: Outbox, isSystemd: boolean) {
    this.#outbox = outbox;
    this.#isSystemd = isSystemd;
    this.#commands = new CommandSpans(outbox);
    this.#rollouts = new RolloutSpans(outbox, isSystemd);
  }

  command(app: string, type: CommandType, at: number): ReturnType<Observer["command"]> {
    return this.#commands.begin(app, type, at);
  }

  action(began: ActionBegan): WatchedAction | undefined {
    const { type, index, at, record } = began;
    if (type === "clear") return undefined;
    const key = `${record.spec.name}:${index}`;
    const rollout = this.#rollouts.parentOf(record, index);
    this.#rollouts.acts(record, index, at);
    const surge = type === "stop" ? this.#surge.get(key) : undefined;
    const parent = rollout ?? surge ?? this.#commands.of(record.spec.name);
    const isNew = type !== "stop" && index >= record.instances;
    if (isNew && rollout) this.#surge.set(key, rollout);
    else this.#surge.delete(key);
    const reason = type === "restart" ? causeOf(record, index) : undefined;
    const open: OpenAction = { began, place: newPlace(parent), parent, reason };
    this.#giveUpWaiting(key, "another action followed before it was ready");
    if (type !== "stop") this.#open.set(key, open);
    return {
      traceparent: rollout && type !== "stop" ? traceparentOf(open.place) : undefined,
      over: (end) => {
        open.over = end;
        const { instance } = end;
        // One that has crashed meanwhile is on a run of the restart policy's.
        if (type !== "stop" && instance?.run && end.error === undefined && instance.restarts === 0)
          this.#runs.set(key, { run: instance.run, pid: instance.pid, place: open.place });
        const isDone = end.error !== undefined || !waitsForHealth(open) || open.readyAt !== undefined;
        if (isDone) this.#finish(key, open);
      },
    };
  }

  ready(run: RunReady): string {
    const { record, instance, at } = run;
    const { name } = record.spec;
    const { index } = instance;
    const key = `${name}:${index}`;
    const open = this.#open.get(key);
    const known = this.#runs.get(key);
    let place: Place;
    if (known?.run === instance.run && !open) {
      place = known.place;
    } else if (open && instance.run !== open.began.instance?.run) {
      open.readyAt = at;
      place = open.place;
      if (open.over) this.#finish(key, open);
    } else {
      const crash = this.#crashes.get(key);
      const span = foundSpan(run, crash, this.#rollouts.parentOf(record, index), this.#isSystemd);
      place = span.place;
      this.#outbox.add(span, key);
    }
    this.#crashes.delete(key);
    this.#runs.set(key, { run: instance.run, pid: instance.pid, place });
    this.#rollouts.ready(run);
    return traceparentOf(place);
  }

  ended(ended: RunEnded): void {
    const { index, run, exit, record } = ended;
    const key = `${record.spec.name}:${index}`;
    const known = this.#runs.get(key);
    const open = this.#open.get(key);
    const started = parseTraceparent(ended.startedBy) ?? (known?.run === run ? known.place : undefined) ?? open?.place;
    const span = endSpan(ended, started ? [started] : [], known?.run === run ? known.pid : undefined);
    this.#outbox.add(span, key);
    this.#crashes.set(key, { place: span.place, at: span.to });
    if (open?.over) this.#giveUpWaiting(key, exit ? describeExit(exit) : "it ended");
  }

  changed(before: AppRecord, after: AppRecord, at: number): void {
    this.#commands.changed(before, after);
    this.#rollouts.changed(before, after, at);
    if (before.holds === after.holds) return;
    const { name } = after.spec;
    for (const [index, hold] of Object.entries(after.holds)) {
      if (before.holds[index] !== undefined || (hold.why !== "operator" && hold.why !== "exited")) continue;
      const known = this.#runs.get(`${name}:${index}`);
      this.#outbox.add(holdSpan(name, Number(index), hold, known ? [known.place] : []), `${name}:${index}`);
    }
  }

  /** What velosd announces: the changes of state, which become events, and what is deleted, which is forgotten. */
  take(event: VelosEvent): void {
    this.#outbox.take(event);
    if (event.type !== "app" || event.change !== "deleted") return;
    for (const map of [this.#open, this.#runs, this.#crashes, this.#surge]) {
      for (const key of map.keys()) if (key.startsWith(`${event.app}:`)) map.delete(key);
    }
    this.#rollouts.forget(event.app);
  }

  /** velosd ends: makes the spans of what waits for nothing but a health check, and of commands that are cut short. */
  close(at: number): void {
    this.#commands.close(at);
    for (const key of [...this.#open.keys()]) this.#giveUpWaiting(key, undefined);
  }

  /** Ends the span of a start that waits for its health check. @param why it never came; undefined: velosd will not see it */
  #giveUpWaiting(key: string, why: string | undefined): void {
    const open = this.#open.get(key);
    if (!open?.over) return;
    if (why !== undefined) open.unready = why;
    this.#finish(key, open);
  }

  #finish(key: string, open: OpenAction): void {
    if (this.#open.get(key) === open) this.#open.delete(key);
    for (const span of actionSpans(open, open.over!, this.#isSystemd)) this.#outbox.add(span, key);
  }
}
