import type { Events, VelosEvent } from "../controller/events.ts";
import { VelosError } from "../domain/errors.ts";

/** Events that may wait for a slow reader; then it is told so and cut off, rather than velosd's memory growing. */
const LIMIT = 10_000;

/** Events as a sequence, from now until the signal aborts. */
export async function* eventStream(events: Events, signal: AbortSignal): AsyncIterable<VelosEvent> {
  const queue: VelosEvent[] = [];
  let wake: (() => void) | undefined;
  let overflow = false;
  const unsubscribe = events.subscribe((event) => {
    if (queue.length >= LIMIT) overflow = true;
    else queue.push(event);
    wake?.();
  });
  const abort = (): void => wake?.();
  signal.addEventListener("abort", abort);
  try {
    while (!signal.aborted) {
      if (overflow)
        throw new VelosError("MESSAGE_INVALID", {
          why: "the reader is too slow for the events",
          hint: "read faster, or look with `list` from time to time",
        });
      const batch = queue.splice(0);
      yield* batch;
      if (queue.length === 0 && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    signal.removeEventListener("abort", abort);
    unsubscribe();
  }
}
