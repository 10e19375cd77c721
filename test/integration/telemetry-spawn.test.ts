import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ServerCredentials } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Collector } from "../telemetry/collector.ts";
import { startGrpcCollector } from "../telemetry/collector.ts";
import { spanTree } from "../telemetry/span-tree.ts";
import { SpawnHome } from "./spawn-home.ts";
import { environmentOf } from "./systemd/environ.ts";

let home: SpawnHome;
let collector: Collector | undefined;

beforeEach(() => {
  home = new SpawnHome();
});
afterEach(async () => {
  await home.close();
  await collector?.stop();
  collector = undefined;
});

describe("telemetry without systemd", () => {
  it("tells of start, reload and crash, by an endpoint of the environment", async () => {
    collector = await startGrpcCollector();
    home.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url;
    home.env["OTEL_EXPORTER_OTLP_HEADERS"] = "x-tenant=t1";
    const app = home.write(
      "app.mjs",
      "process.send ? process.send('ready') : 0; setInterval(() => {}, 1000); process.on('SIGTERM', () => process.exit(0));",
    );
    await home.must("start", app, "--name", "api", "-i", "2", "--wait-ready", "--restart-delay", "10ms");
    const start = await collector.span("start", ({ name }) => name === "velos.app.start");
    const below = (index: number): string[] => [`  velos.instance.start api:${index}`, "    velos.instance.readiness"];
    const of = (traceId: string): string[] => spanTree(collector!.spans.filter((span) => span.traceId === traceId));
    expect(of(start.traceId)).toEqual(["velos.app.start", ...below(0), ...below(1)]);
    expect(collector.headers["x-tenant"]).toBe("t1");

    await home.must("reload", "api:0");
    const rollout = await collector.span("rollout", ({ name }) => name === "velos.app.rollout");
    expect(of(rollout.traceId)).toEqual([
      "velos.app.rollout",
      "  velos.instance.replace api:0",
      "    velos.instance.restart api:0",
      "      velos.instance.drain",
      "      velos.instance.readiness",
    ]);
    const [pid] = await home.pids("api");
    const environment = environmentOf(pid!);
    expect(environment["TRACEPARENT"]).toMatch(new RegExp(`^00-${rollout.traceId}-`));
    expect(environment["OTEL_SERVICE_NAME"]).toBe("api");

    process.kill(pid!, "SIGKILL");
    const crash = await collector.span("crash", ({ name }) => name === "velos.instance.crash");
    expect(crash.attributes).toMatchObject({ "velos.exit.signal": "SIGKILL", "process.pid": pid });
    expect(crash.links.map(({ traceId }) => traceId)).toEqual([rollout.traceId]);
    await collector.span("restart", ({ parentId }) => parentId === crash.spanId);
    const [after] = await home.pids("api");
    expect(environmentOf(after!)).not.toHaveProperty("TRACEPARENT");
  });

  it("speaks TLS with a certificate of one's own, and not with a collector that shows another", async () => {
    const pem = (name: string): string => join(home.path, name);
    for (const who of ["collector", "stranger"]) {
      // prettier-ignore
      execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
        "-subj", `/CN=${who}`, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pem(`${who}.key`), "-out", pem(`${who}.pem`)], { stdio: "ignore" });
    }
    const pair = { private_key: readFileSync(pem("collector.key")), cert_chain: readFileSync(pem("collector.pem")) };
    collector = await startGrpcCollector({ credentials: ServerCredentials.createSsl(null, [pair]) });
    const configure = (certificate: string): string =>
      home.write("velos.toml", `otel_endpoint = "${collector!.url}"\notel_certificate = "${certificate}"\n`);
    configure("collector.pem");
    await home.must("start", "sleep 1000", "--name", "api");
    await collector.span("start", ({ name }) => name === "velos.app.start");
    await home.must("kill");
    configure("stranger.pem");
    await home.must("scale", "api", "2");
    await expect
      .poll(() => home.log, { timeout: 30_000 })
      .toMatch(/telemetry: the collector at https:\S+ does not take it: .*certificate/);
    expect(collector.spans.some(({ name }) => name === "velos.app.scale")).toBe(false);
  });
});
