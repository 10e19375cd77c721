import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MetricsSnapshot } from "../../src/api/metrics-schema.ts";
import type { Collector } from "../../src/metrics/collector.ts";
import type { Format } from "../../src/metrics/exposition.ts";
import { OwnMetrics } from "../../src/metrics/own-metrics.ts";
import { Page } from "../../src/metrics/page.ts";
import { allSamples, parseExposition, valueOf } from "./parse.ts";
import { anySnapshot } from "./snapshot.ts";

/** Each run renders some hundred kilobytes. */
const RUNS = { numRuns: 30 };

/** A page over what velosd is made to answer. */
const pageOver = (answers: readonly (MetricsSnapshot | undefined)[]): { next: (format: Format) => Promise<string> } => {
  const left = [...answers];
  let sample: object | undefined;
  const collector = { sample: async () => sample ?? { snapshot: left.shift(), seconds: 0.001 } };
  const page = new Page(collector as unknown as Collector, new OwnMetrics());
  return {
    next: async (format) => {
      sample = undefined;
      return (await page.render(format)).toString("utf8");
    },
  };
};

const formats = ["text", "openmetrics"] as const;

describe("the exposition of any snapshot", () => {
  it.each(formats)("can be read back as %s", async (format) => {
    await fc.assert(
      fc.asyncProperty(anySnapshot, async (snapshot) => {
        parseExposition(await pageOver([snapshot]).next(format), format);
      }),
      RUNS,
    );
  });

  it("says the same in both formats", async () => {
    const withoutOwn = (samples: Map<string, number>): [string, number][] =>
      [...samples].filter(([key]) => !key.startsWith("velos_exporter_"));
    await fc.assert(
      fc.asyncProperty(anySnapshot, async (snapshot) => {
        const [text, openmetrics] = await Promise.all(formats.map((format) => pageOver([snapshot]).next(format)));
        const [a, b] = [parseExposition(text!, "text"), parseExposition(openmetrics!, "openmetrics")];
        expect(withoutOwn(allSamples(b))).toEqual(withoutOwn(allSamples(a)));
      }),
      RUNS,
    );
  });

  it("is the same whether or not lines are kept from the scrape before", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anySnapshot, { minLength: 2, maxLength: 4 }), async (snapshots) => {
        const page = pageOver(snapshots);
        let last = "";
        for (const _ of snapshots) last = await page.next("text");
        const alone = await pageOver([snapshots.at(-1)]).next("text");
        const strip = (text: string): string[] => text.split("\n").filter((line) => !line.includes("velos_exporter_"));
        expect(strip(last)).toEqual(strip(alone));
      }),
      RUNS,
    );
  });

  it("has at most 40 series of an instance, and no label but those that are known", async () => {
    const known = new Set(
      "name instance state mode direction resource reason unit backend interpreter version spec".split(" "),
    );
    await fc.assert(
      fc.asyncProperty(anySnapshot, async (snapshot) => {
        const families = parseExposition(await pageOver([snapshot]).next("text"), "text");
        const perInstance = new Map<string, number>();
        for (const { samples } of families.values()) {
          for (const { labels, name } of samples) {
            if (!name.startsWith("velos_process_")) continue;
            const key = `${labels["name"]}:${labels["instance"]}`;
            perInstance.set(key, (perInstance.get(key) ?? 0) + 1);
            for (const label of Object.keys(labels)) expect(known).toContain(label);
          }
        }
        expect(perInstance.size).toBe(snapshot.instances.length);
        for (const count of perInstance.values()) expect(count).toBeLessThanOrEqual(40);
      }),
      RUNS,
    );
  });

  it("keeps labels as they are, whatever is in them", async () => {
    await fc.assert(
      fc.asyncProperty(anySnapshot, async (snapshot) => {
        const families = parseExposition(await pageOver([snapshot]).next("openmetrics"), "openmetrics");
        for (const { method, code, count } of snapshot.daemon.requests) {
          expect(valueOf(families, "velos_daemon_ipc_requests_total", { method, code })).toBe(count);
        }
        const { version, node, scope } = snapshot.daemon;
        expect(valueOf(families, "velos_daemon_build_info", { version, node, scope })).toBe(1);
      }),
      RUNS,
    );
  });

  it("has buckets that grow up to the count", async () => {
    await fc.assert(
      fc.asyncProperty(anySnapshot, async (snapshot) => {
        const families = parseExposition(await pageOver([snapshot]).next("text"), "text");
        for (const { name, type, samples } of families.values()) {
          if (type !== "histogram") continue;
          const last = new Map<string, number>();
          for (const { name: sample, labels, value } of samples) {
            const { le: _, ...rest } = labels;
            const key = JSON.stringify(rest);
            if (sample === `${name}_bucket`) {
              expect(value).toBeGreaterThanOrEqual(last.get(key) ?? 0);
              last.set(key, value);
            }
            if (sample === `${name}_count`) expect(value).toBe(last.get(key));
          }
        }
      }),
      RUNS,
    );
  });
});

describe("names that must exist", () => {
  it("are there, of the type that is asked for", async () => {
    const [snapshot] = fc.sample(
      anySnapshot.filter(({ instances, daemon }) => instances.length > 0 && daemon.latencies.length > 0),
      1,
    );
    const families = parseExposition(await pageOver([snapshot]).next("text"), "text");
    const types = Object.fromEntries([...families].map(([name, { type }]) => [name, type]));
    expect(types).toMatchObject({
      velos_up: "gauge",
      velos_process_restart_total: "counter",
      velos_process_status: "gauge",
      velos_daemon_uptime_seconds: "gauge",
      velos_daemon_processes_total: "gauge",
      velos_daemon_memory_bytes: "gauge",
      velos_daemon_ipc_latency_seconds: "histogram",
    });
    const les = families.get("velos_daemon_ipc_latency_seconds")!.samples.map(({ labels }) => labels["le"]);
    expect(les.slice(0, 15)).toEqual([
      "0.0001",
      "0.00025",
      "0.0005",
      "0.001",
      "0.0025",
      "0.005",
      "0.01",
      "0.025",
      "0.05",
      "0.1",
      "0.25",
      "0.5",
      "1",
      "2.5",
      "+Inf",
    ]);
  });
});

describe("while velosd is away", () => {
  it.each(formats)("says velos_up 0 and nothing else of it, as %s", async (format) => {
    const families = parseExposition(await pageOver([undefined]).next(format), format);
    expect(valueOf(families, "velos_up")).toBe(0);
    for (const name of families.keys()) expect(name).toMatch(/^velos_(up$|scrape_|exporter_)/);
  });
});
