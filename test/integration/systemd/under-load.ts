import type { LoadOptions, LoadReport } from "../../load/load.mjs";
import { startLoad } from "../../load/load.mjs";
import { report } from "./report.ts";
import { until } from "./until.ts";

/** What a test may say about its load: the rest is as the generator has it. */
export type Load = Omit<LoadOptions, "durationMs" | "requests"> & { url: string };

/**
 * Does the work while clients send one request after the other: they have all had answers before it begins, and all
 * have more after it has ended. The clients are ended whatever happens.
 */
export const underLoad = async (load: Load, work: () => Promise<unknown>): Promise<LoadReport> => {
  const { clients = 16 } = load;
  const running = startLoad({ ...load, clients });
  const answers = async (count: number): Promise<void> => {
    const least = running.counts.requests + count;
    await until(`${count} more requests are sent`, () => running.counts.requests >= least, 15_000);
  };
  try {
    await answers(2 * clients);
    await work();
    await answers(2 * clients);
  } finally {
    await running.stop();
  }
  return running.finished;
};

/** One line about what the clients saw. */
export const reportLoad = (what: string, { requests, failed, hung, latencyMs: { p99, max } }: LoadReport): void =>
  report(`${what}: ${requests} requests, ${failed} failed, ${hung} hung, p99 ${p99} ms, max ${max} ms`);

/** What a load must come to when nothing was lost. */
export const nothingLost = { failed: 0, hung: 0, errors: {} };
