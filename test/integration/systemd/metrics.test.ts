import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ParsedFamily } from "../../metrics/parse.ts";
import { valueOf } from "../../metrics/parse.ts";
import type { MetricsServer } from "../metrics-server.ts";
import { startMetrics } from "../metrics-server.ts";
import type { Prometheus } from "./prometheus.ts";
import { hasPrometheus, startPrometheus } from "./prometheus.ts";
import { report } from "./report.ts";
import { useScene } from "./scene.ts";
import { property, systemctl } from "./systemctl.ts";
import { until } from "./until.ts";

const scene = useScene();
let server: MetricsServer | undefined;
let prometheus: Prometheus | undefined;

beforeEach(() => {
  server = prometheus = undefined;
});
afterEach(async () => {
  await prometheus?.stop();
  await server?.stop();
});

const serve = async (): Promise<MetricsServer> => (server = await startMetrics(scene.env));

type Families = ReadonlyMap<string, ParsedFamily>;

const cpuSeconds = (families: Families, labels: Record<string, string>): number =>
  (["user", "system"] as const)
    .map((mode) => valueOf(families, "velos_process_cpu_seconds_total", { ...labels, mode })!)
    .reduce((sum, seconds) => sum + seconds, 0);

/** A program whose two children together take half of a core, and which does nothing itself. */
const burner = (): string =>
  scene.write(
    "burner.mjs",
    `import { fork } from "node:child_process";
const spin = (ms) => { for (const end = performance.now() + ms; performance.now() < end; ); };
if (process.argv[2] === "child") setInterval(() => spin(10), 40);
else for (let n = 0; n < 2; n++) fork(process.argv[1], ["child"]);
setInterval(() => {}, 1000);
`,
  );

describe("CPU figures", () => {
  it("equal systemd's within 1 %, children included", async () => {
    await scene.must("start", burner(), "--name", "burn");
    const { scrape } = await serve();
    const labels = { name: "burn", instance: "0" };
    await scrape();
    await delay(4000);
    // Both readings are of a process that stands still.
    await systemctl("kill", "--signal=SIGSTOP", "velos-burn@0.service");
    await delay(200);
    const families = await scrape();
    const ours = cpuSeconds(families, labels);
    const theirs = Number(await property("velos-burn@0.service", "CPUUsageNSec")) / 1e9;
    const [{ pid } = { pid: 0 }] = await scene.instances("burn");
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /, "").split(" ");
    const main = (Number(fields[11]) + Number(fields[12])) / 100;
    const percent = valueOf(families, "velos_process_cpu_percent", labels)!;
    await systemctl("kill", "--signal=SIGCONT", "velos-burn@0.service");
    report(
      `CPU time: velos ${ours.toFixed(3)} s, systemd ${theirs.toFixed(3)} s, of it main process ${main.toFixed(2)} s; ${percent} %`,
    );
    expect(Math.abs(ours - theirs) / theirs).toBeLessThan(0.01);
    expect(ours).toBeGreaterThan(2 * main);
    expect(valueOf(families, "velos_process_tasks", labels)).toBeGreaterThanOrEqual(3);
    // 50 % of the time it ran, less where this machine had other work.
    expect(percent).toBeGreaterThan(10);
    expect(percent).toBeLessThan(80);
  });

  it("go on over a restart, while the kernel's begin anew", async () => {
    await scene.must("start", burner(), "--name", "burn");
    const { scrape } = await serve();
    await delay(1500);
    const before = cpuSeconds(await scrape(), { name: "burn" });
    await scene.must("restart", "burn");
    expect(cpuSeconds(await scrape(), { name: "burn" })).toBeGreaterThanOrEqual(before);
    await scene.must("kill");
    await scene.list();
    expect(cpuSeconds(await scrape(), { name: "burn" })).toBeGreaterThanOrEqual(before);
  });
});

describe("memory figures", () => {
  it("of an instance that was idle are those of now as soon as it has done something", async () => {
    const program = scene.write(
      "grow.mjs",
      "const held = []; process.on('SIGUSR2', () => held.push(Buffer.alloc(64 * 2 ** 20, 1))); setInterval(() => {}, 1e8);",
    );
    await scene.must("start", program, "--name", "grow");
    const { scrape } = await serve();
    const memory = async (): Promise<number> =>
      valueOf(await scrape(), "velos_process_memory_bytes", { name: "grow", instance: "0" })!;
    // Idle: two scrapes find the same, and it may be remembered.
    const idle = await until("it rests", async () => {
      const first = await memory();
      await delay(200);
      return first === (await memory()) ? first : undefined;
    });
    await scene.must("signal", "SIGUSR2", "grow");
    await until("its memory is seen to have grown", async () => (await memory()) > idle + 60 * 2 ** 20);
  });
});

describe("a scrape", () => {
  it("makes no call over D-Bus", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "5");
    const { scrape } = await serve();
    const calls = (families: Families): number[] =>
      ["ok", "error"].map((result) => valueOf(families, "velos_daemon_dbus_calls_total", { result })!);
    const before = calls(await scrape());
    for (let n = 0; n < 20; n++) await scrape();
    expect(calls(await scrape())).toEqual(before);
  });

  it("counts what happened, by reason, over restarts of velosd", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2", "--kill-timeout", "1s");
    const { scrape } = await serve();
    const labels = { name: "api", instance: "1" };
    process.kill((await scene.pids("api"))[1]!, "SIGKILL");
    await until(
      "the crash is counted",
      async () => valueOf(await scrape(), "velos_process_restart_total", labels) === 1,
    );
    await scene.must("restart", "api:1");
    await scene.must("reload", "api");
    process.kill(await scene.daemonPid(), "SIGKILL");
    await scene.list();
    const families = await scrape();
    const restarts = Object.fromEntries(
      ["crash", "manual", "rollout", "watch"].map((reason) => [
        reason,
        valueOf(families, "velos_process_restarts_by_reason_total", { ...labels, reason }),
      ]),
    );
    expect(restarts).toEqual({ crash: 1, manual: 1, rollout: 1, watch: 0 });
    expect(valueOf(families, "velos_process_restart_total", labels)).toBe(3);
    // A busy manager may tell of the next run before it has told how this one ended: that is then called an error.
    const exits = ["signal", "error"].map((reason) =>
      valueOf(families, "velos_process_exits_total", { ...labels, reason })!,
    );
    expect(exits[0]! + exits[1]!).toBe(1);
    expect(valueOf(families, "velos_app_rollouts_total", { name: "api", result: "done" })).toBe(1);
    expect(valueOf(families, "velos_app_rollout_duration_seconds_count", { name: "api" })).toBe(1);
    // Of the restart and the rollout; a crash is no drain.
    expect(valueOf(families, "velos_app_drain_duration_seconds_count", { name: "api" })).toBe(3);
    expect(valueOf(families, "velos_app_ready_duration_seconds_count", { name: "api" })).toBe(6);
    expect(valueOf(families, "velos_process_info", { ...labels, unit: "velos-api@1.service" })).toBe(1);
  });
});

describe.skipIf(!hasPrometheus && process.env["CI"] !== "true")("Prometheus", () => {
  it("finds nothing to complain of but the one name that was asked for", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2");
    const { url } = await serve();
    await (await fetch(`${url}/metrics`)).text();
    const input = await (await fetch(`${url}/metrics`)).text();
    const { stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
    const complaints = `${stdout}${stderr}`.trim().split("\n");
    expect(complaints).toEqual(['velos_daemon_processes_total non-counter metrics should not have "_total" suffix']);
  });

  it("scrapes it, answers PromQL, and every query of the dashboard has data", async () => {
    const crashing = scene.script("crashing.sh", "sleep 0.5", "exit 3");
    await scene.must("start", burner(), "--name", "api", "-i", "2");
    await scene.velos("start", crashing, "--name", "loop", "--max-restarts", "1000", "--min-uptime", "100ms");
    const { url } = await serve();
    prometheus = await startPrometheus(scene.path("prometheus"), url.replace("http://", ""));
    const { query, get } = prometheus;
    await until("the target is scraped", async () => (await query("velos_up == 1")).length === 1, 15_000);
    await scene.must("reload", "api");

    const isCounted = async () => (await query('velos_app_rollouts_total{name="api",result="done"} == 1')).length === 1;
    await until("the rollout is scraped", isCounted);

    // `instance` is the index of velos, not the address that was scraped: honor_labels.
    const [status] = await query('velos_process_status{name="api",instance="1"}');
    expect(status).toMatchObject({ value: 1, metric: { job: "velos" } });
    expect((await query("sum by (name) (velos_app_instances_ready)")).map(({ metric }) => metric["name"])).toContain(
      "api",
    );
    const crashes = 'sum(increase(velos_process_restarts_by_reason_total{name="loop",reason="crash"}[30s])) > 1';
    await until("crashes have a rate", async () => (await query(crashes)).length === 1, 30_000);

    const { groups } = (await get("rules")) as {
      groups: { rules: { name: string; health: string; lastError?: string }[] }[];
    };
    const rules = groups.flatMap(({ rules }) => rules);
    expect(rules.length).toBeGreaterThan(5);
    expect(rules.filter(({ lastError }) => lastError)).toEqual([]);

    const dashboard = JSON.parse(readFileSync(resolve("packaging/grafana/velos.json"), "utf8")) as {
      panels: { title: string; targets?: { expr: string }[] }[];
    };
    const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
    expect(queries.length).toBeGreaterThan(30);
    for (const { title, expr } of queries) {
      const expression = expr.replaceAll("$__rate_interval", "10s").replaceAll("$app", ".*");
      const results = await query(expression);
      expect(
        results.filter(({ value }) => !Number.isNaN(value)),
        `${title}: ${expression}`,
      ).not.toEqual([]);
    }
    report(`${queries.length} queries of the dashboard have data`);
  });
});
