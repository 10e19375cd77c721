import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, expect, it } from "vitest";
import type { Collector } from "../../telemetry/collector.ts";
import { startGrpcCollector, startHttpCollector, startSilence } from "../../telemetry/collector.ts";
import { report } from "./report.ts";
import { useScene } from "./scene.ts";
import { median, until } from "./until.ts";
import { succeeded, velosProgram } from "./velos.ts";

const scene = useScene();
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  rmSync(scene.paths.config, { force: true });
});

/** Resident and proportional memory, in megabytes. */
const memoryOf = (pid: number): { rss: number; pss: number } => {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]) / 1024;
  return { rss: field("Rss"), pss: field("Pss") };
};

/** What velosd takes after it has had work to tell of. */
const work = async (): Promise<{ rss: number; pss: number }> => {
  await scene.must("start", "sleep 1000", "--name", "api", "-i", "50");
  for (let round = 0; round < 3; round++) await scene.must("restart", "api");
  const pid = await scene.daemonPid();
  // The middle of some seconds: what is needed for a moment is given back.
  const seen: { rss: number; pss: number }[] = [];
  await until("some readings", () => seen.push(memoryOf(pid)) >= 300 && true, 30_000);
  await scene.must("delete", "api");
  await scene.must("kill");
  return { rss: median(seen.map(({ rss }) => rss)), pss: median(seen.map(({ pss }) => pss)) };
};

const configure = (text: string): void => {
  mkdirSync(dirname(scene.paths.config), { recursive: true });
  writeFileSync(scene.paths.config, text);
};

const collecting = async (starting: Promise<Collector>): Promise<Collector> => {
  const collector = await starting;
  closing.push(() => collector.stop());
  return collector;
};

it("adds at most 25 MB to velosd, whatever becomes of it", async () => {
  const off = await work();
  report(
    `velosd with 50 instances, telemetry off: ${off.rss.toFixed(1)} MB resident, ${off.pss.toFixed(1)} MB proportional`,
  );
  const silence = await startSilence();
  closing.push(() => silence.stop());
  const grpc = await collecting(startGrpcCollector());
  const http = await collecting(startHttpCollector());
  scene.env["OTEL_METRIC_EXPORT_INTERVAL"] = "1000";
  for (const [what, url, protocol] of [
    ["gRPC", grpc.url, "grpc"],
    ["HTTP", http.url, "http/protobuf"],
    ["gRPC, a silent collector", silence.url, "grpc"],
  ] as const) {
    configure(`otel_endpoint = "${url}"\notel_protocol = "${protocol}"\notel_metrics = true\n`);
    const on = await work();
    const [rss, pss] = [on.rss - off.rss, on.pss - off.pss];
    report(`${what}, traces and metrics: +${rss.toFixed(1)} MB resident, +${pss.toFixed(1)} MB proportional`);
    expect(rss).toBeLessThanOrEqual(25);
  }
  for (const collector of [grpc, http]) {
    expect(collector.spans.filter(({ name }) => name === "velos.instance.restart").length).toBeGreaterThanOrEqual(100);
    expect(collector.points.length).toBeGreaterThan(1000);
  }
});

it("is not loaded at all where no endpoint is configured", async () => {
  // A build without it does all the same things.
  const dist = scene.path("dist");
  cpSync(dirname(velosProgram), dist, {
    recursive: true,
    filter: (path) => !/\/(?:telemetry|load-telemetry|otlp-\w+|send-metrics)\.cjs$/.test(path),
  });
  expect(readdirSync(dist).filter((name) => /telemetry|otlp/.test(name))).toEqual([]);
  configure('[apps.api]\nscript = "server.js"\n');
  const velos = async (...words: string[]): Promise<void> =>
    void succeeded(await scene.run(words, { program: join(dist, "velos.cjs") }));
  await velos("start", "sleep 1000", "--name", "api", "-i", "2");
  await velos("reload", "api:1");
  await velos("kill");
  await velos("scale", "api", "1");
  await velos("doctor");
  await velos("kill");
});
