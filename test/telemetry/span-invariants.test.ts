import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import fc from "fast-check";
import { expect, it } from "vitest";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { Controller } from "../../src/controller/controller.ts";
import { Delivery } from "../../src/telemetry/delivery.ts";
import { guarded } from "../../src/telemetry/guarded.ts";
import { Outbox } from "../../src/telemetry/outbox.ts";
import { resourceOf } from "../../src/telemetry/resource.ts";
import { SpanSink } from "../../src/telemetry/span-sink.ts";
import { Spans } from "../../src/telemetry/spans.ts";
import { makeSpec } from "../backend/programs.ts";

type Step =
  | { do: "scale"; count: number }
  | { do: "restart" | "reload" | "stop" | "resume"; index: number | undefined }
  | { do: "update"; version: number }
  | { do: "crash"; index: number; code: number }
  /** velosd ends so many turns of its loop after the next step has begun. */
  | { do: "die"; turns: number };

const index = fc.option(fc.nat(3), { nil: undefined });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("scale" as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constantFrom("restart" as const, "reload" as const, "stop" as const, "resume" as const), index }),
  // Version 9 never comes up.
  fc.record({ do: fc.constant("update" as const), version: fc.constantFrom(1, 2, 9) }),
  fc.record({ do: fc.constant("crash" as const), index: fc.nat(3), code: fc.constantFrom(0, 1) }),
  fc.record({ do: fc.constant("die" as const), turns: fc.nat(12) }),
);

/** Spans whose ids are made of what they tell. */
const REPEATED = [
  "velos.app.rollout",
  "velos.app.restart",
  "velos.instance.replace",
  "velos.instance.crash",
  "velos.instance.exit",
  "velos.instance.restart",
];

/** A velosd over the world, and what it has told. */
const open = async (world: MemoryWorld, stateDirectory: string, spans: ReadableSpan[], log: string[]) => {
  const delivery = new Delivery("nowhere", (line) => log.push(line));
  const exporter = {
    export: (batch: ReadableSpan[], done: (result: { code: number }) => void) => {
      spans.push(...batch);
      done({ code: 0 });
    },
    shutdown: async () => {},
  };
  const resource = resourceOf({ serviceName: "velos", version: "1", hostName: "h", instanceId: "i", pid: 1 });
  const sink = new SpanSink({ exporter, delivery, resource, version: "1" });
  const outbox = new Outbox(sink);
  const told = new Spans(outbox, true);
  const observer = guarded(told, (line) => log.push(line));
  const controller = new Controller({ backend: new MemoryBackend(world), stateDirectory, observer });
  controller.events.subscribe((event) => told.take(event));
  await controller.open();
  const close = async (): Promise<void> => {
    await controller.close();
    told.close(Date.now());
    outbox.flush();
    await sink.close();
  };
  return { controller, close };
};

const perform = async (world: MemoryWorld, controller: Controller, what: Step): Promise<unknown> => {
  const selector = "index" in what && what.index !== undefined ? `api:${what.index}` : "api";
  switch (what.do) {
    case "scale":
      return controller.commands.scale("api", { kind: "exact", count: what.count });
    case "restart":
    case "reload":
      return controller.commands.restart([selector], what.do);
    case "stop":
    case "resume":
      return controller.commands[what.do]([selector]);
    case "update":
      return controller.commands.start(spec(what.version), undefined);
    case "crash": {
      const instance = world.find("api", what.index);
      if (instance?.status === "online") instance.end({ code: what.code });
      return controller.converge.caughtUp();
    }
    case "die":
      return undefined;
  }
};

const spec = (version: number) =>
  makeSpec("api", ["/bin/app"], {
    waitReady: true,
    restartDelayMs: 0,
    listenTimeoutMs: 50,
    env: { VERSION: String(version) },
  });

it("whatever happens: each span once, in its parent's trace, ended after it began", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 10 }), async (steps) => {
      const stateDirectory = mkdtempSync(join(tmpdir(), "velos-invariants-"));
      const world = new MemoryWorld();
      world.behave = ({ env }) => (env["VERSION"] === "9" ? { exitCode: 1 } : {});
      const spans: ReadableSpan[] = [];
      const log: string[] = [];
      let velosd = await open(world, stateDirectory, spans, log);
      try {
        await velosd.controller.commands.start(spec(1), { kind: "exact", count: 2 });
        let death: number | undefined;
        for (const what of steps) {
          const done = perform(world, velosd.controller, what).catch(() => undefined);
          if (death === undefined) {
            await done;
          } else {
            for (let turn = 0; turn < death; turn++) await new Promise((resolve) => setImmediate(resolve));
            await velosd.close();
            velosd = await open(world, stateDirectory, spans, log);
          }
          death = what.do === "die" ? what.turns : undefined;
        }
        await velosd.controller.commands.delete(["api"]);
      } finally {
        await velosd.close();
        rmSync(stateDirectory, { recursive: true, force: true });
      }
      expect(log).toEqual([]);
      const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]));
      const hasDied = steps.some((what) => what.do === "die");
      if (!hasDied) expect(byId.size, "each span once").toBe(spans.length);
      for (const span of spans) {
        // Told again by a velosd after one that died before it had saved what it told: the same span, then.
        const same = byId.get(span.spanContext().spanId)!;
        expect(same.name).toBe(span.name);
        if (same !== span) expect(REPEATED).toContain(span.name);
        expect(span.endTime[0] * 1e9 + span.endTime[1]).toBeGreaterThanOrEqual(
          span.startTime[0] * 1e9 + span.startTime[1],
        );
        const above = span.parentSpanContext;
        if (!above) continue;
        expect(span.spanContext().traceId).toBe(above.traceId);
        const parent = byId.get(above.spanId);
        // A replacement that a velosd began before it died is told by the next, unless another rollout takes over first.
        if (hasDied && !parent && /^velos\.instance\.(?:start|stop|restart)$/.test(span.name)) continue;
        expect(parent?.spanContext().traceId, `the parent of ${span.name}`).toBe(above.traceId);
      }
      const began = spans.filter(({ name }) => name === "velos.app.delete");
      expect(began).toHaveLength(1);
    }),
    { numRuns: 40 },
  );
}, 120_000);
