import { expect, it } from "vitest";
import type { RolloutProgress } from "../../src/api/live-schema.ts";
import type { Instance } from "../../src/fleet/fleet.ts";
import { isUnderWay, phaseOf } from "../../src/fleet/phase.ts";

const BEGAN = 1000;

const progress = (more: Partial<RolloutProgress["rollout"]> = {}): RolloutProgress => ({
  app: "api",
  rollout: { id: "r", kind: "reload", status: "running", reason: "manual", startedAt: BEGAN, ...more },
  replaced: 0,
  total: 4,
});

const instance = (status: Instance["status"], startedAt?: number): Instance => ({
  name: "api:2",
  app: "api",
  index: 2,
  status,
  restarts: 0,
  ...(startedAt !== undefined && { startedAt }),
});

it.each([
  ["online", BEGAN - 1, "before"],
  ["stopping", BEGAN - 1, "draining"],
  ["stopped", undefined, "draining"],
  ["starting", BEGAN + 5, "starting"],
  ["online", BEGAN + 5, "ready"],
  ["waiting", BEGAN + 5, "failed"],
  ["errored", undefined, "failed"],
] as const)("%s since %s is %s", (status, startedAt, phase) => {
  expect(phaseOf(instance(status, startedAt), progress())).toBe(phase);
});

it("the one that the rollout stopped at has failed until it is back", () => {
  const failed = progress({ status: "stalled", failure: { index: 2, why: "exit code 1" } });
  expect(phaseOf(instance("stopped"), failed)).toBe("failed");
  expect(phaseOf(instance("online", BEGAN + 5), failed)).toBe("ready");
});

it("is under way while it runs or is held", () => {
  const statuses = ["running", "paused", "done", "stalled", "reverted", "superseded"] as const;
  expect(statuses.filter((status) => isUnderWay(progress({ status })))).toEqual(["running", "paused"]);
  expect(isUnderWay(undefined)).toBe(false);
});
