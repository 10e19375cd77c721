import type { RunReady } from "../controller/observer.ts";
import { fingerprint } from "../domain/app.ts";
import type { AppRecord } from "../domain/record.ts";
import type { Rollout } from "../domain/rollout.ts";
import { isActive, isReplaced } from "../domain/rollout.ts";
import { appAttributes, instanceAttributes, runAttributes } from "./attributes.ts";
import type { Outbox } from "./outbox.ts";
import type { Place } from "./place.ts";
import { rolloutPlace, spanIdOf } from "./place.ts";
import type { SpanEvent } from "./span-sink.ts";

/** What is remembered of a rollout while it runs; all of it may be missing after velosd's death. */
interface OpenRollout {
  app: string;
  /** Instances that are being replaced, and since when. */
  replacing: Map<number, { place: Place; from: number }>;
  /** Replacements that are over: an instance of them that crashes is not replaced again. */
  done: Set<string>;
  events: SpanEvent[];
}

/**
 * `velos.app.rollout` with a `velos.instance.replace` for each instance, and `velos.app.restart`, which asks nothing and
 * replaces nothing. Their ids are made of the rollout's: it survives velosd's death, and so does its trace.
 */
export class RolloutSpans {
  readonly #outbox: Outbox;
  readonly #isSystemd: boolean;
  readonly #open = new Map<string, OpenRollout>();

  constructor(outbox: Outbox, isSystemd: boolean) {
    this.#outbox = outbox;
    this.#isSystemd = isSystemd;
  }

  /** The span that an action on an instance is part of, where that is a rollout's. */
  parentOf(record: AppRecord, index: number): Place | undefined {
    const { rollout } = record;
    if (!isActive(rollout) || !record.running || record.deleting) return undefined;
    const isSurge = rollout.kind !== "restart" && index >= record.instances;
    if (rollout.from[index] === undefined && !isSurge) return undefined;
    return rollout.kind === "restart" || isSurge ? rolloutPlace(rollout.id) : replacePlace(rollout, index);
  }

  /** The first action on an instance begins its replacement. */
  acts(record: AppRecord, index: number, at: number): void {
    const { rollout } = record;
    if (!isActive(rollout) || rollout.kind === "restart" || rollout.from[index] === undefined) return;
    const open = this.#of(record.spec.name, rollout);
    const place = replacePlace(rollout, index);
    if (!open.done.has(place.spanId) && !open.replacing.has(index)) open.replacing.set(index, { place, from: at });
  }

  /** A run that became ready ends the replacement of its instance, if a rollout brought it about. */
  ready({ at, record, instance }: RunReady): void {
    const { rollout, spec } = record;
    const { index, startedAt } = instance;
    if (!isActive(rollout) || rollout.kind === "restart" || rollout.from[index] === undefined) return;
    if (!isReplaced(instance, rollout, fingerprint(spec))) return;
    const open = this.#of(spec.name, rollout);
    const place = replacePlace(rollout, index);
    if (open.done.has(place.spanId)) return;
    const from = open.replacing.get(index)?.from ?? startedAt ?? at;
    open.replacing.delete(index);
    open.done.add(place.spanId);
    this.#replaced(record, rollout, index, { place, from }, at, runAttributes(instance, this.#isSystemd));
  }

  changed(before: AppRecord, after: AppRecord, at: number): void {
    const { rollout } = before;
    const next = after.rollout;
    if (!isActive(rollout) || before.deleting) return;
    if (next?.id === rollout.id && isActive(next) && !after.deleting) {
      if (next.kind !== rollout.kind) this.#turned(before, rollout, next, at);
      else if (next.status !== rollout.status) this.#note(before, next, `velos.rollout.${next.status}`, at);
      return;
    }
    // The record of an app that is being deleted keeps its rollout as it is.
    const isOver = next?.id === rollout.id && !after.deleting;
    this.#end(before, rollout, isOver ? next : { ...rollout, status: "superseded" }, at);
  }

  /** An app is deleted: nothing more comes of its rollout. */
  forget(app: string): void {
    for (const [id, open] of this.#open) if (open.app === app) this.#open.delete(id);
  }

  /** It failed, and goes back to the spec from before. */
  #turned(record: AppRecord, rollout: Rollout, next: Rollout, at: number): void {
    this.#leave(record, rollout, next, at);
    this.#note(record, next, `velos.rollout.${next.kind}`, at);
  }

  #end(record: AppRecord, rollout: Rollout, ended: Rollout, at: number): void {
    this.#leave(record, rollout, ended, at);
    const { failure } = ended;
    this.#outbox.add({
      name: rollout.kind === "restart" ? "velos.app.restart" : "velos.app.rollout",
      place: rolloutPlace(rollout.id),
      from: rollout.startedAt,
      to: at,
      attributes: {
        ...appAttributes(record.spec.name),
        ...rolloutAttributes(ended),
        "velos.rollout.status": ended.status,
        ...(failure && { "velos.instance.index": failure.index, "error.type": "ROLLOUT_STALLED" }),
      },
      events: this.#of(record.spec.name, rollout).events,
      error: failure && `${record.spec.name}:${failure.index} did not come up: ${failure.why}`,
    });
    this.#open.delete(rollout.id);
  }

  /** Ends the replacements that did not get to their end. */
  #leave(record: AppRecord, rollout: Rollout, { failure }: Rollout, at: number): void {
    const { replacing, done } = this.#of(record.spec.name, rollout);
    for (const [index, replacement] of replacing) {
      const error = failure?.index === index ? failure.why : undefined;
      done.add(replacement.place.spanId);
      this.#replaced(record, rollout, index, replacement, at, { "velos.instance.replaced": false }, error);
    }
    replacing.clear();
  }

  #replaced(
    record: AppRecord,
    rollout: Rollout,
    index: number,
    { place, from }: { place: Place; from: number },
    to: number,
    more: ReturnType<typeof runAttributes>,
    error?: string,
  ): void {
    const { name } = record.spec;
    const attributes = { ...instanceAttributes(name, index), ...rolloutAttributes(rollout), ...more };
    this.#outbox.add(
      {
        name: "velos.instance.replace",
        place,
        parent: rolloutPlace(rollout.id),
        from,
        to,
        attributes: { ...attributes, ...(error !== undefined && { "error.type": "INSTANCE_FAILED" }) },
        error,
      },
      `${name}:${index}`,
    );
  }

  #note({ spec }: AppRecord, rollout: Rollout, name: string, at: number): void {
    const { failure } = rollout;
    const attributes = failure && { "velos.instance.index": failure.index, "exception.message": failure.why };
    this.#of(spec.name, rollout).events.push({ name, at, ...(attributes && { attributes }) });
  }

  #of(app: string, { id }: Rollout): OpenRollout {
    const known = this.#open.get(id);
    if (known) return known;
    const open: OpenRollout = { app, replacing: new Map(), done: new Set(), events: [] };
    this.#open.set(id, open);
    return open;
  }
}

/** One replacement: of this run, in this direction. */
const replacePlace = ({ id, kind, from }: Rollout, index: number): Place => ({
  traceId: rolloutPlace(id).traceId,
  spanId: spanIdOf("replace", id, kind, index, from[index] ?? ""),
});

const rolloutAttributes = ({ id, kind, reason, from }: Rollout) => ({
  "velos.rollout.id": id,
  "velos.rollout.kind": kind,
  "velos.rollout.reason": reason,
  "velos.rollout.instances": Object.keys(from).length,
});
