import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Collector } from "../../telemetry/collector.ts";
import { startGrpcCollector, startHttpCollector, startSilence } from "../../telemetry/collector.ts";
import type { ReceivedSpan } from "../../telemetry/received.ts";
import { spanTree } from "../../telemetry/span-tree.ts";
import { startMetrics } from "../metrics-server.ts";
import { environmentOf } from "./environ.ts";
import { freePort } from "./free-port.ts";
import { report } from "./report.ts";
import { useScene } from "./scene.ts";
import { shownInstances, syncJournal, systemctl } from "./systemctl.ts";
import { until } from "./until.ts";
import { webApp } from "./web-app.ts";

const scene = useScene();
const closing: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  delete scene.env["OTEL_EXPORTER_OTLP_ENDPOINT"];
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  rmSync(scene.paths.config, { force: true });
});

/** A collector that is stopped with the test. */
const collecting = async (starting: Promise<Collector>): Promise<Collector> => {
  const collector = await starting;
  closing.push(() => collector.stop());
  return collector;
};

/** Writes velosd's own settings, before it is started. */
const configure = (...lines: string[]): void => {
  mkdirSync(dirname(scene.paths.config), { recursive: true });
  writeFileSync(scene.paths.config, `${lines.join("\n")}\n`);
};

const traceOf = (collector: Collector, root: ReceivedSpan): string[] =>
  spanTree(collector.spans.filter(({ traceId }) => traceId === root.traceId));

const isNamed =
  (name: string, times = 1, seen = new Set<string>()) =>
  (span: ReceivedSpan): boolean =>
    span.name === name && seen.add(span.spanId).size >= times;

describe("traces by gRPC", () => {
  it("tell of start, reload, crash and scale, with the right parents", async () => {
    const collector = await collecting(startGrpcCollector());
    configure(`otel_endpoint = "${collector.url}"`, 'otel_headers = { authorization = "Bearer secret" }');
    const port = String(await freePort());
    await scene.must("start", webApp(scene), "--name", "api", "-i", "2", "--listen", port, "--restart-delay", "10ms");
    const start = await collector.span("start", isNamed("velos.app.start"));
    const startOf = (index: number): string[] => [
      `  velos.instance.start api:${index}`,
      "    systemd.job",
      "    velos.instance.readiness",
    ];
    expect(traceOf(collector, start)).toEqual(["velos.app.start", ...startOf(0), ...startOf(1)]);
    expect(collector.headers["authorization"]).toBe("Bearer secret");

    await scene.must("reload", "api");
    const rollout = await collector.span("rollout", isNamed("velos.app.rollout"));
    const part = (index: number): string[] => [
      `  velos.instance.replace api:${index}`,
      `    velos.instance.restart api:${index}`,
      "      systemd.job",
      "      velos.instance.drain",
      "      velos.instance.readiness",
    ];
    const tree = traceOf(collector, rollout);
    for (const index of [0, 1]) {
      const at = tree.indexOf(part(index)[0]!);
      expect(tree.slice(at, at + 5)).toEqual(part(index));
    }
    // The extra instance that a rollout of such an app has is of it, too.
    expect(tree.filter((line) => line.endsWith(" api:2"))).toEqual([
      "  velos.instance.start api:2",
      "  velos.instance.stop api:2",
    ]);
    const [instance] = (await scene.instances("api")).filter(({ index }) => index === 1);
    const restart = collector.spans.find(
      ({ name, attributes }) => name === "velos.instance.restart" && attributes["velos.instance.index"] === 1,
    )!;
    expect(restart.attributes).toMatchObject({
      "process.pid": instance!.pid,
      "systemd.unit": "velos-api@1.service",
      "systemd.invocation_id": instance!.run,
    });
    expect(environmentOf(instance!.pid!)).toMatchObject({
      OTEL_SERVICE_NAME: "api",
      OTEL_RESOURCE_ATTRIBUTES: expect.stringMatching(/^service\.instance\.id=[0-9a-f-]{36}/),
      TRACEPARENT: `00-${restart.traceId}-${restart.spanId}-01`,
    });

    process.kill(instance!.pid!, "SIGKILL");
    const crash = await collector.span("crash", isNamed("velos.instance.crash"));
    const recovery = await collector.span(
      "restart",
      ({ name, traceId }) => name === "velos.instance.restart" && traceId === crash.traceId,
    );
    expect(crash).toMatchObject({ status: 2, message: "killed by SIGKILL" });
    expect(crash.links).toEqual([{ traceId: restart.traceId, spanId: restart.spanId }]);
    expect(recovery.parentId).toBe(crash.spanId);
    const [after] = (await scene.instances("api")).filter(({ index }) => index === 1);
    // It was started by nobody's rollout.
    expect(environmentOf(after!.pid!)).not.toHaveProperty("TRACEPARENT");

    await scene.must("scale", "api", "3");
    const scale = await collector.span("scale", isNamed("velos.app.scale"));
    expect(traceOf(collector, scale)).toEqual(["velos.app.scale", ...startOf(2)]);
    for (const { from, to, name } of collector.spans) expect(to, name).toBeGreaterThanOrEqual(from);
  });

  it("count a start with a health check from the process's start until the check passed", async () => {
    const collector = await collecting(startGrpcCollector());
    scene.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url;
    scene.env["OTEL_EXPORTER_OTLP_HEADERS"] = "authorization=secret";
    scene.write("sick-0", "");
    const server = webApp(scene);
    scene.write(
      "velos.toml",
      `[apps.api]\nscript = "${server}"\nenv = { PORT = "${await freePort()}" }\n` +
        'health = { http = "http://127.0.0.1:{PORT}/healthz", interval = "100ms", failures = 1000 }\n',
    );
    const { stderr } = await scene.must("ping");
    // Secrets are not put where everybody can read them.
    expect(stderr).toContain("OTEL_EXPORTER_OTLP_HEADERS is not handed on to velosd");
    expect(await systemctl("show", "--value", "--property=Environment", "velosd.service")).not.toContain("secret");
    const starting = scene.must("start", "--config", "velos.toml");
    await until("it runs, and was asked for its health", async () => {
      const [instance] = await scene.list().then((apps) => apps.flatMap(({ processes }) => processes));
      return instance?.status === "online" && (instance.uptimeMs ?? 0) > 500;
    });
    expect(collector.spans.filter(({ name }) => name === "velos.instance.start")).toEqual([]);
    const wellFrom = Date.now();
    rmSync(scene.path("sick-0"));
    await starting;
    const start = await collector.span("start", isNamed("velos.instance.start"));
    const readiness = await collector.span("readiness", isNamed("velos.instance.readiness"));
    expect(readiness.attributes["velos.readiness.by"]).toBe("health");
    expect(readiness.parentId).toBe(start.spanId);
    expect([start.status, start.to, readiness.to].map((at) => at >= wellFrom)).toEqual([false, true, true]);
    // One that never passes is told when it is stopped.
    scene.write("sick-0", "");
    const { pid } = (await scene.instances("api"))[0]!;
    const restarting = scene.velos("restart", "api");
    await until("it runs again", async () => {
      const [instance] = await scene.instances("api");
      return instance!.status === "online" && instance!.pid !== pid;
    });
    await scene.must("stop", "api");
    await restarting;
    const restart = await collector.span("restart", isNamed("velos.instance.restart"));
    expect(restart).toMatchObject({ status: 2, message: "another action followed before it was ready" });
  });

  it("tell of a crash while velosd was down, and of an instance that an operator stopped", async () => {
    const collector = await collecting(startGrpcCollector());
    configure(`otel_endpoint = "${collector.url}"`);
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2", "--restart-delay", "10ms");
    const starts = isNamed("velos.instance.start", 2);
    await collector.span("starts", starts);
    const crashed = collector.spans.find(
      ({ name, attributes }) => name === "velos.instance.start" && attributes["velos.instance.index"] === 0,
    )!;
    // What is counted is written within a second; a velosd that is killed sooner has seen nothing of it.
    const [pid] = await scene.pids("api");
    await scene.must("kill");
    const crashedAt = Date.now();
    process.kill(pid!, "SIGSEGV");
    await until("systemd has restarted it", async () => {
      const { mainPid = 0, subState } = (await shownInstances()).get("velos-api@0.service") ?? {};
      return mainPid > 0 && mainPid !== pid && subState === "running";
    });
    const backAt = Date.now();
    await syncJournal();
    await scene.list();
    const crash = await collector.span("crash", isNamed("velos.instance.crash"));
    // systemd forgets how a run ended when the next one begins; the journal does not.
    expect(crash).toMatchObject({ status: 2, message: "killed by SIGSEGV" });
    expect(crash.attributes["velos.instance.name"]).toBe("api:0");
    expect(crash.links).toEqual([{ traceId: crashed.traceId, spanId: crashed.spanId }]);
    const recovery = await collector.span("restart", isNamed("velos.instance.restart"));
    expect(recovery.parentId).toBe(crash.spanId);
    // Told late, with the time at which it happened.
    expect(crash.to).toBeGreaterThanOrEqual(crashedAt);
    expect(crash.to).toBeLessThanOrEqual(backAt);
    expect(recovery.from).toBe(crash.to);
    expect(recovery.to).toBeLessThanOrEqual(backAt);

    await systemctl("stop", "velos-api@1.service");
    const stop = await collector.span("operator's stop", isNamed("velos.instance.stop"));
    expect(stop.attributes).toMatchObject({ "velos.instance.name": "api:1", "velos.hold": "operator" });
  });

  it("go on in one trace when velosd is killed in a rollout", async () => {
    const collector = await collecting(startGrpcCollector());
    configure(`otel_endpoint = "${collector.url}"`);
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "4", "--kill-timeout", "1s");
    const reload = scene.velos("reload", "api");
    await collector.span("a part of the rollout", isNamed("velos.instance.replace"));
    process.kill(await scene.daemonPid(), "SIGKILL");
    await reload;
    const root = await collector.span("rollout", isNamed("velos.app.rollout"), 60_000);
    const parts = collector.spans.filter(({ name }) => name === "velos.instance.replace");
    expect(new Set(parts.map(({ attributes }) => attributes["velos.instance.index"])).size).toBe(4);
    for (const span of parts) expect(span).toMatchObject({ traceId: root.traceId, parentId: root.spanId });
  });
});

describe("OTLP over HTTP", () => {
  it("takes traces and metrics: the same samples as `velos metrics`", async () => {
    const collector = await collecting(startHttpCollector());
    configure(`otel_endpoint = "${collector.url}"`, 'otel_protocol = "http/protobuf"', "otel_metrics = true");
    scene.env["OTEL_METRIC_EXPORT_INTERVAL"] = "500";
    scene.env["OTEL_EXPORTER_OTLP_COMPRESSION"] = "gzip";
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2", "--kill-timeout", "1s");
    await scene.must("reload", "api");
    await collector.span("rollout", isNamed("velos.app.rollout"));
    const seen = collector.points.length;
    await until("metrics arrive", () => collector.points.slice(seen).some(({ value }) => value > 0));
    await until("and again", () => collector.points.length > 2 * seen + 100);
    const server = await startMetrics(scene.env);
    closing.push(() => server.stop());
    const families = await server.scrape();
    const scraped = [...families.keys()].filter((name) => !/^velos_(up|scrape_|exporter_)/.test(name));
    const sent = new Set(collector.points.map(({ metric }) => metric));
    // The exporter's own request is the first of its kind.
    expect([...sent].sort()).toEqual(scraped.filter((name) => sent.has(name)).sort());
    expect(scraped.filter((name) => !sent.has(name))).toEqual([]);
    const point = collector.points.findLast(
      ({ metric, attributes }) =>
        metric === "velos_process_restarts_by_reason_total" &&
        attributes["instance"] === "1" &&
        attributes["reason"] === "rollout",
    );
    expect(point).toMatchObject({ kind: "sum", value: 1, attributes: { name: "api" } });
    const duration = collector.points.findLast(({ metric }) => metric === "velos_app_rollout_duration_seconds");
    expect(duration).toMatchObject({ kind: "histogram", value: 1, unit: "s" });
  });
});

describe("a collector that is dead, silent or gone", () => {
  const settings = async (): Promise<[string, string][]> => {
    const silence = await startSilence();
    closing.push(() => silence.stop());
    return [
      ["nobody listens", `http://127.0.0.1:${await freePort()}`],
      ["takes connections and says nothing", silence.url],
    ];
  };

  it.each(["grpc", "http/protobuf"])("by %s delays no command, and velosd's end by at most 2 s", async (protocol) => {
    for (const [what, url] of await settings()) {
      configure(`otel_endpoint = "${url}"`, `otel_protocol = "${protocol}"`, "otel_metrics = true");
      await scene.must("ping");
      const began = performance.now();
      await scene.must("start", "sleep 1000", "--name", "api", "-i", "3");
      await scene.must("restart", "api");
      await scene.must("delete", "api");
      const commandsMs = performance.now() - began;
      const pid = await scene.daemonPid();
      const ends = performance.now();
      await scene.must("kill");
      await until("velosd is gone", () => !isAlive(pid));
      const endMs = performance.now() - ends;
      report(`${protocol}, ${what}: three commands ${commandsMs.toFixed(0)} ms, end of velosd ${endMs.toFixed(0)} ms`);
      // 2 s, and what the command itself takes on a busy machine.
      expect(endMs).toBeLessThan(2000 + 1500);
    }
  });

  it("is told once, and once when it is back; what came after that arrives", async () => {
    const port = await freePort();
    configure(`otel_endpoint = "http://127.0.0.1:${port}"`);
    await scene.must("start", "sleep 1000", "--name", "api");
    const doctor = async (): Promise<string> =>
      (
        JSON.parse((await scene.velos("doctor", "--json")).stdout) as { facilities: { name: string; note: string }[] }
      ).facilities.find(({ name }) => name === "telemetry")!.note;
    expect(await until("doctor tells", async () => /not taken: .*/.exec(await doctor())?.[0], 30_000)).toMatch(
      /ECONNREFUSED/,
    );
    const collector = await collecting(startGrpcCollector({ port }));
    let scale = 1;
    await until(
      "a later span arrives",
      async () => {
        await scene.must("scale", "api", String((scale = 3 - scale)));
        return collector.spans.some(({ name }) => name === "velos.app.scale");
      },
      60_000,
    );
    expect(await doctor()).toMatch(/spans sent, \d+ lost$/);
  });
});

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe("settings that are wrong", () => {
  it.each([
    ['otel_endpoint = "localhost:4317"', "otel_endpoint should be the URL of a collector"],
    ['otel_endpoint = "http://a:1"\notel_certificate = "/none.pem"', "otel_certificate: cannot read /none.pem: ENOENT"],
    [
      'otel_endpoint = "https://a:1"\notel_certificate = "velos.toml"',
      "the certificates for the collector cannot be used",
    ],
    ['otel_endpiont = "http://a:1"', 'unknown key "otel_endpiont"'],
  ])("%s: one line, and velosd manages apps without telemetry", async (toml, message) => {
    configure(toml);
    await scene.must("start", "sleep 1000", "--name", "api");
    const { code, stdout } = await scene.velos("doctor");
    expect(code).toBe(1);
    const lines = stdout.split("\n").filter((line) => line.includes(message));
    expect(lines).toHaveLength(1);
    expect(stdout).not.toMatch(/^\s+at /m);
    expect((await scene.instances("api"))[0]!.status).toBe("online");
  });

  it("in the environment, too", async () => {
    scene.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "127.0.0.1:4317";
    await scene.must("ping");
    expect((await scene.velos("doctor")).stdout).toContain("OTEL_EXPORTER_OTLP_ENDPOINT: should be the URL");
  });
});

describe("the environment of instances", () => {
  it("names the app's version, and is another after a reload when that has changed", async () => {
    scene.write("package.json", '{ "name": "web", "version": "1.0.0" }');
    const script = scene.script("run.sh", "exec sleep 1000");
    await scene.must("start", script, "--name", "api", "-i", "2");
    const attributes = async (index: number): Promise<Record<string, string>> => {
      const text = environmentOf((await scene.pids("api"))[index]!)["OTEL_RESOURCE_ATTRIBUTES"]!;
      return Object.fromEntries(text.split(",").map((pair) => pair.split("=") as [string, string]));
    };
    const before = await attributes(0);
    expect(before["service.version"]).toBe("1.0.0");
    expect((await attributes(1))["service.instance.id"]).not.toBe(before["service.instance.id"]);
    scene.write("package.json", '{ "name": "web", "version": "1.1.0" }');
    await scene.must("restart", "api");
    expect(await attributes(0)).toEqual({ ...before, "service.version": "1.1.0" });
    // Nothing of telemetry is a reason to replace an instance.
    const pids = await scene.pids("api");
    await scene.must("start", script, "--name", "api", "-i", "2");
    expect(await scene.pids("api")).toEqual(pids);
  });
});
