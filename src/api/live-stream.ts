import type { LiveFeed, LiveItem } from "../controller/live-feed.ts";

/** Changes that may wait for a slow reader. With more, it is told everything anew instead. */
const LIMIT = 10_000;

/** Everything there is, then each change, until the signal aborts. */
export async function* liveStream(
  feed: Pick<LiveFeed, "subscribe" | "snapshot">,
  signal: AbortSignal,
): AsyncIterable<LiveItem> {
  let queue: LiveItem[] = [];
  let wake: (() => void) | undefined;
  let overflow = false;
  const unsubscribe = feed.subscribe((item) => {
    if (queue.length < LIMIT) queue.push(item);
    else overflow = true;
    wake?.();
  });
  const abort = (): void => wake?.();
  signal.addEventListener("abort", abort);
  try {
    while (!signal.aborted) {
      const batch = overflow ? [feed.snapshot()] : queue;
      queue = [];
      overflow = false;
      yield* batch;
      if (queue.length === 0 && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    signal.removeEventListener("abort", abort);
    unsubscribe();
  }
}
