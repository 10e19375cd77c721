import type { Backend } from "../backend/backend.ts";
import type { Action } from "../domain/plan.ts";
import type { AppState } from "./app-state.ts";
import type { Sightings } from "./count-look.ts";
import type { Counters } from "./counters.ts";
import type { ActionOver, Observer } from "./observer.ts";

export interface WitnessOptions {
  observer: Observer;
  backend: Backend;
  counters: Counters;
  now: () => number;
}

/** Tells the observer of the actions and looks of `converge`, with what it wants to know of them. */
export class Witness {
  readonly #options: WitnessOptions;

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  /** What a look has shown. Where the observer puts a run is kept with its counts, so that velosd's death ends no trace. */
  looked(state: AppState, { ended, ready }: Sightings): void {
    const { observer, counters, now } = this.#options;
    const { instances } = counters.tally(state.name);
    for (const { index, run, endedBy, ...end } of ended) {
      const started = instances[index]?.startedBy;
      const startedBy = started?.run === run ? started.traceparent : undefined;
      observer.ended({ index, run, ...end, at: Math.min(now(), endedBy ?? Infinity), startedBy, record: state.record });
    }
    for (const { instance, at } of ready) {
      const { index, run } = instance;
      const traceparent = observer.ready({ at, record: state.record, instance });
      const tally = instances[index];
      if (traceparent === undefined || !tally) continue;
      instances[index] = { ...tally, startedBy: { run, traceparent } };
      counters.touch(state.name);
    }
  }

  /** An action is given to the backend; undefined when the observer does not watch it. */
  watch(
    { name, record }: AppState,
    { type, index }: Action,
  ): { traceparent: string | undefined; over: (end: Pick<ActionOver, "error" | "overtaken">) => void } | undefined {
    const { observer, backend, now } = this.#options;
    const find = () => backend.observe(name).find((one) => one.index === index);
    const watched = observer.action({ type, index, at: now(), record, instance: find() });
    if (!watched) return undefined;
    return {
      traceparent: watched.traceparent,
      over: (end) => {
        const instance = find();
        watched.over({ at: now(), instance, exit: instance?.exit ?? backend.lastExit?.(name, index), ...end });
      },
    };
  }
}
