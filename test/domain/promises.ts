import { isDeepStrictEqual } from "node:util";
import type { Action, Observed, Plan } from "../../src/domain/plan.ts";
import { fingerprint } from "../../src/domain/app.ts";
import { plan } from "../../src/domain/plan.ts";
import type { AppRecord } from "../../src/domain/record.ts";
import { wantedIndexes } from "../../src/domain/record.ts";
import type { Rollout } from "../../src/domain/rollout.ts";
import { isActive } from "../../src/domain/rollout.ts";
import { saysReady } from "./spec.ts";
import type { World } from "./world.ts";

/** Every promise that a single plan can keep or break; throws at the first that is broken. */
export const checkPlan = (record: AppRecord, observed: Observed, planned: Plan, world: World): void => {
  // Costs more than all the rest, so only now and then; there are some 50,000 plans in a run of the tests.
  if (world.now % 8 === 0) checkDeterminism(record, observed, planned, world.now);
  checkActions(observed, planned.actions);
  const { lookAgainAt } = planned;
  if (lookAgainAt !== undefined)
    promise(
      Number.isFinite(lookAgainAt) && lookAgainAt > world.now,
      `it looks again at ${lookAgainAt}, now is ${world.now}`,
    );

  const rollout = isActive(record.rollout) && record.running && !record.deleting ? record.rollout : undefined;
  const wanted = wantedIndexes(record);
  const surge = rollout && rollout.kind !== "restart" ? surgeOf(record, wanted.length) : 0;
  const members = [...wanted, ...Array.from({ length: surge }, (_, k) => record.instances + k)];
  for (const { type, index } of planned.actions)
    promise(type !== "start" || members.includes(index), `${index} is started, and not wanted`);
  if (rollout === undefined) promise(planned.verdict === undefined, "a verdict without a rollout");
  if (rollout === undefined && record.rollout?.status === "stalled") checkStalled(record, observed, planned, world);
  else if (rollout === undefined) return;
  else if (planned.verdict === undefined) checkRollout(record, rollout, observed, planned, members, world);
};

const checkDeterminism = (record: AppRecord, observed: Observed, planned: Plan, now: number): void => {
  const again = plan(freeze(structuredClone(record)), freeze(structuredClone(observed)), now);
  promise(isDeepStrictEqual(again, planned), "the same input gives another plan");
};

const checkActions = (observed: Observed, actions: readonly Action[]): void => {
  promise(new Set(actions.map(({ index }) => index)).size === actions.length, "two actions for an index");
  for (const { type, index } of actions) {
    const pending = observed.pending.get(index);
    const status = observed.instances.find((instance) => instance.index === index)?.status;
    const overtakes = type === "stop" && (pending === "start" || pending === "restart");
    promise(pending === undefined || overtakes, `${type} ${index}, while ${pending} is pending`);
    if (type === "start") promise(status === undefined, `start ${index}, which is ${status}`);
    else if (type === "clear")
      promise(status === "stopped" || status === "errored", `clear ${index}, which is ${status}`);
    else
      promise(
        status === "starting" || status === "online" || status === "waiting",
        `${type} ${index}, which is ${status}`,
      );
  }
};

/** Where a rollout has stopped, nobody wanted goes but who is to be restarted, and not below what has to serve. */
const checkStalled = (record: AppRecord, observed: Observed, planned: Plan, world: World): void => {
  const wanted = wantedIndexes(record);
  const down = planned.actions.filter(
    ({ type, index }) => (type === "stop" || type === "restart") && wanted.includes(index),
  );
  for (const { type, index } of down) {
    const run = observed.instances.find((instance) => instance.index === index)?.run;
    promise(
      type === "restart" && run === record.again?.[index],
      `${type} ${index}, where a rollout has stopped, and nobody asked for it`,
    );
  }
  const isLeaving = (index: number): boolean =>
    ["stop", "restart", "clear"].includes(observed.pending.get(index) ?? "");
  const serving = wanted.filter((index) => world.serves(index) && !isLeaving(index));
  const taken = down.filter(({ index }) => serving.includes(index));
  promise(
    taken.length === 0 || serving.length - taken.length >= wanted.length - Math.max(1, mayBeOut(record, wanted.length)),
    `${serving.length - taken.length} of ${wanted.length} serve where a rollout has stopped`,
  );
};

const checkRollout = (
  record: AppRecord,
  rollout: Rollout,
  observed: Observed,
  planned: Plan,
  members: readonly number[],
  world: World,
): void => {
  const there = new Map(observed.instances.map((instance) => [instance.index, instance]));
  const wanted = wantedIndexes(record);
  const down = planned.actions
    .filter(({ type, index }) => (type === "stop" || type === "restart") && members.includes(index))
    .map(({ index }) => index);
  const mayInPause = ({ type, index }: Action): boolean =>
    type === "restart" && rollout.from[index] !== undefined && there.get(index)?.run === record.again?.[index];
  const unasked = planned.actions.filter((action) => down.includes(action.index) && !mayInPause(action));
  promise(
    rollout.status !== "paused" || unasked.length === 0,
    `a paused rollout takes down ${unasked.map(({ index }) => index).join()}`,
  );
  if (rollout.kind === "restart") return;

  const isLeaving = (index: number): boolean =>
    ["stop", "restart", "clear"].includes(observed.pending.get(index) ?? "");
  const serving = members.filter((index) => world.serves(index) && !isLeaving(index));
  const taken = down.filter((index) => serving.includes(index));
  if (taken.length === 0) return;
  const left = serving.length - taken.length;
  promise(
    left >= wanted.length - mayBeOut(record, wanted.length),
    `${left} of ${wanted.length} serve when ${taken.join()} is down`,
  );

  if (rollout.status === "paused") return;

  // Whoever is up, on the wanted spec, and on a run that the rollout did not find, is a replacement.
  const print = fingerprint(record.spec);
  const isReplacement = (index: number): boolean => {
    const instance = there.get(index);
    return instance?.status === "online" && instance.fingerprint === print && instance.run !== rollout.from[index];
  };
  const extra = members.filter((index) => index >= record.instances);
  if (taken.some((index) => index < record.instances))
    for (const index of extra) promise(isReplacement(index), `${taken.join()} goes before the extra ${index} is up`);

  // One that has not been asked yet whether it is well counts for nothing, whatever it would say.
  const lowest = Math.min(...taken.filter((index) => there.get(index)?.seenAt === undefined));
  for (const index of serving) {
    const waits =
      !isReplacement(index) &&
      !taken.includes(index) &&
      !observed.pending.has(index) &&
      rollout.from[index] !== undefined;
    promise(!waits || index < lowest || lowest === Infinity, `${lowest} goes before ${index}`);
  }

  const { minUptimeMs, killTimeoutMs, rollout: settings } = record.spec;
  const signals = saysReady(record.spec);
  const { health } = record.spec;
  const pauseMs = settings.pauseMs ?? (signals || health ? 0 : killTimeoutMs + 2000);
  for (const index of wanted) {
    if (rollout.from[index] === undefined || !isReplacement(index) || isLeaving(index)) continue;
    const { onlineAt, wellAt } = there.get(index)!;
    const readyAt = health ? wellAt : onlineAt! + (signals ? 0 : minUptimeMs);
    if (readyAt === undefined) continue;
    const backForMs = world.now - (readyAt + settings.minReadyMs);
    promise(backForMs < 0 || backForMs >= pauseMs, `${taken.join()} goes ${backForMs} ms after ${index} is back`);
  }
};

/** How many extra instances there may be, worked out otherwise than plan() does. */
export const surgeOf = ({ spec }: Pick<AppRecord, "spec">, wanted: number): number =>
  spec.rollout.surge ?? Number(spec.rollout.maxUnavailable === undefined && spec.listen.length > 0 && wanted >= 2);

/** How many may be out, worked out otherwise than plan() does. */
const mayBeOut = (record: AppRecord, wanted: number): number => {
  const { maxUnavailable, surge = 0 } = record.spec.rollout;
  const asked =
    typeof maxUnavailable === "string" ? (Number(maxUnavailable.replace("%", "")) / 100) * wanted : maxUnavailable;
  if (surge > 0) return Math.min(wanted, Math.trunc(asked ?? 0));
  return Math.max(1, Math.min(wanted, Math.trunc(asked ?? 1)));
};

const promise = (kept: boolean, broken: string): void => {
  if (!kept) throw new Error(`a promise is broken: ${broken}`);
};

const freeze = <T>(value: T): T => {
  if (value !== null && typeof value === "object") for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
};
