import { expect, it } from "vitest";
import type { ActionBegan, Observer, RunEnded, RunReady } from "../../src/controller/observer.ts";
import type { AppRecord } from "../../src/domain/record.ts";
import { guarded } from "../../src/telemetry/guarded.ts";

it("a bug in an observer is told once, and is no business of those it watches", () => {
  const fail = (): never => {
    throw new Error("a bug");
  };
  const log: string[] = [];
  const broken: Observer = { command: fail, action: fail, ready: fail, ended: fail, changed: fail };
  const observer = guarded(broken, (line) => log.push(line));
  observer.command("api", "start", 0)({ at: 1 });
  expect(observer.action({} as ActionBegan)).toBeUndefined();
  expect(observer.ready({} as RunReady)).toBeUndefined();
  observer.ended({} as RunEnded);
  observer.changed({} as AppRecord, {} as AppRecord, 0);
  const late = guarded({ ...broken, command: () => fail, action: () => ({ traceparent: "t", over: fail }) }, () => {});
  late.command("api", "start", 0)({ at: 1 });
  const watched = late.action({} as ActionBegan)!;
  expect(watched.traceparent).toBe("t");
  watched.over({ at: 1, instance: undefined, exit: undefined });
  expect(log).toEqual([expect.stringMatching(/^telemetry: Error: a bug/)]);
});
