import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import type { TelemetrySettings } from "../../src/config/telemetry-settings.ts";
import { Controller } from "../../src/controller/controller.ts";
import type { Telemetry } from "../../src/telemetry/main.ts";
import { startTelemetry } from "../../src/telemetry/main.ts";
import { makeSpec } from "../backend/programs.ts";
import type { Collector } from "./collector.ts";
import { startGrpcCollector } from "./collector.ts";
import type { ReceivedSpan } from "./received.ts";
import { spanTree } from "./span-tree.ts";

let stateDirectory: string;
let world: MemoryWorld;
let collector: Collector;
let telemetry: Telemetry;
let controller: Controller;
const log: string[] = [];

const settings = (): TelemetrySettings => ({
  protocol: "grpc",
  tracesUrl: collector.url,
  metricsIntervalMs: 60_000,
  headers: {},
  serviceName: "velos",
});

const open = async (): Promise<void> => {
  telemetry = await startTelemetry({
    settings: settings(),
    version: "1.2.3",
    place: "test",
    hostName: "here",
    isSystemd: false,
    snapshot: () => controller.snapshots.take(),
    report: (line) => log.push(line),
  });
  const { observer } = telemetry;
  controller = new Controller({ backend: new MemoryBackend(world), stateDirectory, place: "test", observer });
  telemetry.follow(controller.events);
  await controller.open();
};

/** What a velosd leaves that ends in good order. */
const close = async (): Promise<void> => {
  await controller.close();
  await telemetry.close();
};

beforeEach(async () => {
  stateDirectory = mkdtempSync(join(tmpdir(), "velos-spans-"));
  world = new MemoryWorld();
  collector = await startGrpcCollector();
  log.length = 0;
  await open();
});
afterEach(async () => {
  await close();
  await collector.stop();
  rmSync(stateDirectory, { recursive: true, force: true });
  expect(log).toEqual([]);
});

const spec = (overrides = {}) => makeSpec("api", ["/bin/app"], { waitReady: true, restartDelayMs: 0, ...overrides });
const start = (count: number, overrides = {}) => controller.commands.start(spec(overrides), { kind: "exact", count });
const named = (name: string): ReceivedSpan[] => collector.spans.filter((span) => span.name === name);
const arrived = (name: string, count = 1): Promise<ReceivedSpan> =>
  collector.span(`${count} × ${name}`, (span) => span.name === name && named(name).length >= count);

describe("spans", () => {
  it("of a start: a trace with each instance below the command", async () => {
    await start(2);
    await arrived("velos.app.start");
    expect(spanTree(collector.spans)).toEqual([
      "velos.app.start",
      "  velos.instance.start api:0",
      "    velos.instance.readiness",
      "  velos.instance.start api:1",
      "    velos.instance.readiness",
    ]);
    const [first] = named("velos.instance.start");
    expect(first!.resource).toMatchObject({
      "service.name": "velos",
      "service.version": "1.2.3",
      "host.name": "here",
      "service.instance.id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(first!.attributes).toMatchObject({
      "velos.app.name": "api",
      "velos.instance.index": 0,
      "process.pid": expect.any(Number),
      "velos.instance.run": expect.any(String),
    });
    const statuses = first!.events.map(({ attributes }) => attributes["velos.instance.status"]);
    expect(statuses.at(-1)).toBe("online");
    expect(first!.to).toBeGreaterThanOrEqual(first!.from);
    expect(first!.status).toBe(0);
  });

  it("of a scale, a stop and a deletion", async () => {
    await start(1);
    await controller.commands.scale("api", { kind: "exact", count: 3 });
    await controller.commands.scale("api", { kind: "exact", count: 2 });
    await controller.commands.stop(["api:1"]);
    await controller.commands.delete(["api"]);
    await arrived("velos.app.delete");
    const [up, down] = named("velos.app.scale");
    expect(up!.attributes).toMatchObject({ "velos.app.instances.before": 1, "velos.app.instances": 3 });
    expect(down!.attributes).toMatchObject({ "velos.app.instances.before": 3, "velos.app.instances": 2 });
    const below = (root: ReceivedSpan): string[] => spanTree(collector.spans.filter((s) => s.traceId === root.traceId));
    expect(below(up!)).toEqual([
      "velos.app.scale",
      "  velos.instance.start api:1",
      "    velos.instance.readiness",
      "  velos.instance.start api:2",
      "    velos.instance.readiness",
    ]);
    const stopped = ["  velos.instance.stop api:", "    velos.instance.drain"];
    expect(below(down!)).toEqual(["velos.app.scale", `${stopped[0]}2`, stopped[1]]);
    expect(below(named("velos.app.stop")[0]!)).toEqual(["velos.app.stop", `${stopped[0]}1`, stopped[1]]);
    expect(below(named("velos.app.delete")[0]!)).toEqual(["velos.app.delete", `${stopped[0]}0`, stopped[1]]);
  });

  it("of a reload: its own trace, whose id is the rollout's, handed on to the instances", async () => {
    await start(2, { env: { PATH: "/bin" } });
    await controller.commands.restart(["api"], "reload");
    const root = await arrived("velos.app.rollout");
    const rollout = controller.converge.get("api")!.record.rollout!;
    expect(root.traceId).toBe(rollout.id.replaceAll("-", ""));
    expect(root.attributes).toMatchObject({ "velos.rollout.kind": "reload", "velos.rollout.status": "done" });
    expect(spanTree(collector.spans.filter(({ traceId }) => traceId === root.traceId))).toEqual([
      "velos.app.rollout",
      "  velos.instance.replace api:1",
      "    velos.instance.restart api:1",
      "      velos.instance.drain",
      "      velos.instance.readiness",
      "  velos.instance.replace api:0",
      "    velos.instance.restart api:0",
      "      velos.instance.drain",
      "      velos.instance.readiness",
    ]);
    const restart = named("velos.instance.restart").find(({ attributes }) => attributes["velos.instance.index"] === 1)!;
    expect(restart.attributes["velos.restart.reason"]).toBe("rollout");
    const environment = await controller.backend.environment("api", 1);
    expect(environment["TRACEPARENT"]).toBe(`00-${restart.traceId}-${restart.spanId}-01`);
    expect(environment["OTEL_SERVICE_NAME"]).toBe("api");
  });

  it("of a restart of all at once, and of one for its health", async () => {
    await start(2);
    await controller.commands.restart(["api"], "restart");
    await controller.commands.restart(["api:0"], "restart", "health");
    await arrived("velos.app.restart", 2);
    const [all, one] = named("velos.app.restart");
    const tree = (root: ReceivedSpan): string[] =>
      spanTree(collector.spans.filter(({ traceId }) => traceId === root.traceId)).filter((line) => !/^ {4}/.test(line));
    expect(tree(all!).sort()).toEqual([
      "  velos.instance.restart api:0",
      "  velos.instance.restart api:1",
      "velos.app.restart",
    ]);
    expect(tree(one!)).toEqual(["velos.app.restart", "  velos.instance.restart api:0"]);
    expect(one!.attributes["velos.rollout.reason"]).toBe("health");
  });

  it("of a crash: an error, linked to the start, with the restart below it", async () => {
    await start(1);
    world.find("api", 0)!.end({ signal: "SIGSEGV" });
    const crash = await arrived("velos.instance.crash");
    const restart = await arrived("velos.instance.restart");
    const [began] = named("velos.instance.start");
    expect(crash).toMatchObject({ status: 2, message: "killed by SIGSEGV", parentId: "", from: crash.to });
    expect(crash.attributes).toMatchObject({
      "velos.exit.signal": "SIGSEGV",
      "error.type": "SIGSEGV",
      "process.pid": began!.attributes["process.pid"]!,
    });
    expect(crash.links).toEqual([{ traceId: began!.traceId, spanId: began!.spanId }]);
    expect(restart).toMatchObject({ traceId: crash.traceId, parentId: crash.spanId, from: crash.to });
    // The next one is linked to the restart that began its run.
    world.find("api", 0)!.end({ code: 3 });
    const second = await collector.span("the second crash", ({ name, attributes }) => {
      return name === "velos.instance.crash" && attributes["process.exit.code"] === 3;
    });
    expect(second.links).toEqual([{ traceId: restart.traceId, spanId: restart.spanId }]);
    expect(second.attributes["error.type"]).toBe("exit-code");
  });

  it("of crashes until velos gives up", async () => {
    world.behave = () => ({ exitCode: 1 });
    await start(1, { maxRestarts: 2, waitReady: false }).catch(() => undefined);
    const last = await collector.span("the last crash", ({ events }) =>
      events.some(({ attributes }) => attributes["velos.hold"] === "gave-up"),
    );
    expect(last.name).toBe("velos.instance.crash");
    expect(named("velos.instance.crash")).toHaveLength(3);
  });

  it("of a crash while velosd was down, linked to the start that the velosd before had told", async () => {
    await start(1);
    await close();
    const [began] = named("velos.instance.start");
    world.find("api", 0)!.end({ code: 7 });
    await expect.poll(() => world.find("api", 0)!.status).toBe("online");
    await open();
    const crash = await arrived("velos.instance.crash");
    const restart = await arrived("velos.instance.restart");
    expect(crash.attributes["process.exit.code"]).toBe(7);
    expect(crash.links).toEqual([{ traceId: began!.traceId, spanId: began!.spanId }]);
    expect(restart.parentId).toBe(crash.spanId);
  });

  it("of a rollout that outlives velosd: one trace", async () => {
    await start(3);
    let hold = true;
    world.delay = (operation, _, index) =>
      hold && operation === "restart" && index === 1 ? new Promise(() => {}) : undefined;
    void controller.commands.restart(["api"], "reload").catch(() => undefined);
    await expect.poll(() => controller.converge.get("api")!.pending.get(1)?.type).toBe("restart");
    await arrived("velos.instance.replace");
    await close();
    hold = false;
    await open();
    const root = await arrived("velos.app.rollout");
    const replaced = named("velos.instance.replace");
    expect(new Set(replaced.map(({ attributes }) => attributes["velos.instance.index"]))).toEqual(new Set([0, 1, 2]));
    for (const span of replaced) expect(span).toMatchObject({ traceId: root.traceId, parentId: root.spanId });
  });

  it("of a rollout that fails and goes back", async () => {
    await start(2);
    world.behave = ({ env }) => (env["NEW"] ? { exitCode: 9 } : {});
    await start(2, { env: { NEW: "1" } }).catch(() => undefined);
    const root = await arrived("velos.app.rollout");
    expect(root).toMatchObject({ status: 2, attributes: { "velos.rollout.kind": "revert" } });
    expect(root.message).toContain("api:1 did not come up");
    expect(root.events.map(({ name }) => name)).toEqual(["velos.rollout.revert"]);
    const failed = named("velos.instance.replace").find(({ status }) => status === 2);
    expect(failed?.attributes).toMatchObject({ "velos.instance.index": 1, "velos.instance.replaced": false });
    const attempt = named("velos.instance.start").find(({ status }) => status === 2);
    expect(attempt).toMatchObject({ parentId: failed!.spanId });
    expect(attempt!.attributes["error.type"]).toBe("BACKEND_FAILED");
    expect(attempt!.events.map(({ name }) => name)).toContain("exception");
  });

  it("of a command that fails", async () => {
    world.refuseNextStart("api", 0, "no such file");
    await start(1).catch(() => undefined);
    const root = await arrived("velos.app.start");
    expect(root).toMatchObject({ status: 2, attributes: { "error.type": "INSTANCE_FAILED" } });
  });
});
