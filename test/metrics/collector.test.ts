import { expect, it } from "vitest";
import type { MetricsSnapshot } from "../../src/api/metrics-schema.ts";
import type { Connection } from "../../src/client/connection.ts";
import { VelosError } from "../../src/domain/errors.ts";
import { Collector } from "../../src/metrics/collector.ts";

const snapshot = { at: 1 } as MetricsSnapshot;
const lost = (): VelosError => new VelosError("DAEMON_UNREACHABLE", { why: "it closed the connection", hint: "" });

/** A velosd that answers as told, and what was asked of it. */
const velosd = (answer: () => Promise<MetricsSnapshot>) => {
  const seen = { connects: 0, calls: 0, reports: [] as string[] };
  const connect = async (): Promise<Connection> => {
    seen.connects++;
    return {
      call: async () => {
        seen.calls++;
        return answer();
      },
      close: () => undefined,
    } as unknown as Connection;
  };
  const collector = new Collector({ connect, timeoutMs: 50, report: (text) => seen.reports.push(text) });
  return { collector, seen };
};

it("asks once for all who ask at the same moment, over one connection", async () => {
  const { collector, seen } = velosd(async () => snapshot);
  const samples = await Promise.all(Array.from({ length: 20 }, () => collector.sample()));
  expect(new Set(samples).size).toBe(1);
  await collector.sample();
  expect(seen).toMatchObject({ connects: 1, calls: 2, reports: [] });
});

it("is not held up by a velosd that hangs, and leaves it one request to answer", async () => {
  let wake = (): void => undefined;
  const { collector, seen } = velosd(() => new Promise((resolve) => (wake = () => resolve(snapshot))));
  const began = performance.now();
  for (let scrape = 0; scrape < 3; scrape++) expect((await collector.sample()).snapshot).toBeUndefined();
  expect(performance.now() - began).toBeLessThan(1000);
  expect(seen).toMatchObject({ calls: 1, reports: [expect.stringContaining("velos_up is 0")] });
  wake();
  await new Promise((resolve) => setImmediate(resolve));
  const next = collector.sample();
  await new Promise((resolve) => setImmediate(resolve));
  wake();
  expect((await next).snapshot).toBe(snapshot);
  expect(seen.reports.at(-1)).toBe("velosd is there");
});

it("connects again when velosd was restarted between two scrapes, without a gap", async () => {
  let isLost = false;
  const { collector, seen } = velosd(async () => {
    if (!isLost) return snapshot;
    isLost = false;
    throw lost();
  });
  await collector.sample();
  isLost = true;
  expect((await collector.sample()).snapshot).toBe(snapshot);
  expect(seen).toMatchObject({ connects: 2, reports: [] });
});

it("says so once while velosd is away, and once when it is back", async () => {
  let away = true;
  const { collector, seen } = velosd(async () => {
    if (away) throw lost();
    return snapshot;
  });
  for (let scrape = 0; scrape < 3; scrape++) expect((await collector.sample()).snapshot).toBeUndefined();
  away = false;
  expect((await collector.sample()).snapshot).toBe(snapshot);
  expect(seen.reports).toEqual([expect.stringContaining("velos_up is 0"), "velosd is there"]);
});
