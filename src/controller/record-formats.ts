import type { AppRecord } from "../domain/record.ts";

/**
 * Format of the store's files. It is raised, with a step below, when a file has something that an older velosd would
 * misunderstand or that a newer one needs: what is newer is refused, what is older goes through the steps.
 */
export const STORE_VERSION = 2;

/** The fields of a record as an older velosd wrote them. */
export type Fields = Readonly<Record<string, unknown>>;

/** What makes a record of one format a record of the next. */
export type Steps = Readonly<Record<number, (record: Fields) => Fields>>;

const fieldsOf = (value: unknown): Fields => (value !== null && typeof value === "object" ? (value as Fields) : {});

/** Settings that format 1 came to have one by one, with the values that mean what was done without them. */
const completed = (spec: unknown): Fields => {
  const { health, ...rest } = fieldsOf(spec);
  return {
    listen: [],
    maxConnectionAgeMs: 1000,
    shutdownWithMessage: false,
    ...rest,
    ...(health !== undefined && { health: { gracePeriodMs: 0, ...fieldsOf(health) } }),
  };
};

/** By the format that a step begins with. A step is never changed once a release has had it. */
export const storeSteps: Steps = {
  // Format 2 may have `sandbox` and `credentials`: a velosd that knows neither would run the app without a fence.
  1: ({ spec, previous, ...record }) => ({
    ...record,
    spec: completed(spec),
    ...(previous !== undefined && { previous: completed(previous) }),
  }),
};

/**
 * A record in the newest format.
 * @throws Error for a format that there is no step from
 */
export const migrate = (record: Fields, from: number, steps = storeSteps, to = STORE_VERSION): Fields => {
  let current = record;
  for (let version = from; version < to; version++) {
    const step = Object.hasOwn(steps, version) ? steps[version] : undefined;
    if (!step) throw new Error(`there is no format ${version}`);
    current = step(current);
  }
  return current;
};

/** The format that a file says it has. */
export const formatOf = (file: unknown): number => {
  const { version } = fieldsOf(file);
  if (!Number.isInteger(version)) throw new Error("no format version");
  return version as number;
};

/** A record as it is written. */
export const stored = (record: AppRecord): Fields => ({ version: STORE_VERSION, ...record });
