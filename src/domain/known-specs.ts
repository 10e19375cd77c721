import type { AppSpec } from "./app.ts";
import { fingerprint } from "./app.ts";
import type { ObservedInstance } from "./instance.ts";
import type { AppRecord } from "./record.ts";

/** The specs that an app's instances may have been started with. */
export type KnownSpecs = Pick<AppRecord, "spec" | "previous" | "overtaken">;

/** All of them: first the one that is wanted, then the one to return to. */
export const knownSpecs = ({ spec, previous, overtaken = [] }: KnownSpecs): AppSpec[] => [
  spec,
  ...(previous ? [previous] : []),
  ...overtaken,
];

/** The spec that an update, should it fail, is to return to: the last one that a rollout did not leave undone. */
export const provenSpec = ({ spec, previous, unproven }: AppRecord): AppSpec | undefined =>
  unproven ? previous : spec;

/** Fingerprints of specs, which are never changed: they are asked for at every look. */
const prints = new WeakMap<AppSpec, string>();

const printOf = (spec: AppSpec): string => {
  const print = prints.get(spec) ?? fingerprint(spec);
  prints.set(spec, print);
  return print;
};

/**
 * The spec that an instance was started with. Undefined only for one that the record never knew: it was left by a velosd
 * which did not keep overtaken specs, or by an app of that name whose record is lost.
 */
export const specOfInstance = (specs: KnownSpecs, instance: ObservedInstance): AppSpec | undefined =>
  knownSpecs(specs).find((one) => printOf(one) === instance.fingerprint);

/**
 * The record on another spec, and with another one to return to. What it had goes to the overtaken ones: instances may be
 * on each of them, and only its own spec says when one is ready, also to a velosd that comes later. There may be any number:
 * updates one after the other, each of which overtakes the one before it, leave some instances on each. absorb() forgets
 * those that no instance is on any more, so there are never many more than there are instances.
 */
export const onSpecs = (record: AppRecord, spec: AppSpec, previous: AppSpec | undefined): AppRecord => {
  const { previous: _, overtaken: __, ...rest } = record;
  const current = { ...rest, spec, ...(previous && printOf(previous) !== printOf(spec) && { previous }) };
  const kept = new Set(knownSpecs(current).map(printOf));
  const overtaken = knownSpecs(record).filter((one) => !kept.has(printOf(one)));
  return overtaken.length === 0 ? current : { ...current, overtaken };
};
