import type { Histogram } from "../domain/histogram.ts";
import type { AppSnapshot } from "../domain/snapshot.ts";
import { rolloutResults } from "../domain/tally.ts";
import type { Family } from "./exposition.ts";

/** What there is of each app: values, or a histogram with the bounds `durationBounds`. */
export type AppFamily = Family &
  (
    | { values: (app: AppSnapshot) => { labels: Readonly<Record<string, string>>; value: number }[] }
    | { histogram: (app: AppSnapshot) => Histogram }
  );

const gauge = (name: string, help: string, value: (app: AppSnapshot) => number): AppFamily => ({
  name,
  type: "gauge",
  help,
  values: (app) => [{ labels: {}, value: value(app) }],
});

const duration = (name: string, help: string, histogram: (app: AppSnapshot) => Histogram): AppFamily => ({
  name,
  type: "histogram",
  help,
  histogram,
});

export const appFamilies: readonly AppFamily[] = [
  gauge("velos_app_instances_desired", "Instances that are meant to run.", ({ desired }) => desired),
  gauge("velos_app_instances_running", "Instances that have a process.", ({ running }) => running),
  gauge("velos_app_instances_ready", "Instances that serve.", ({ ready }) => ready),
  gauge("velos_app_rollout_in_progress", "1 while a rollout replaces its instances, also a paused one.", (app) =>
    Number(app.rollingOut),
  ),
  {
    name: "velos_app_rollouts_total",
    type: "counter",
    help: "Rollouts that ended, by result.",
    values: ({ rollouts }) => rolloutResults.map((result) => ({ labels: { result }, value: rollouts[result] ?? 0 })),
  },
  duration("velos_app_ready_duration_seconds", "From the start of a run to ready.", (app) => app.readyDuration),
  duration("velos_app_drain_duration_seconds", "From being told to end to having ended.", (app) => app.drainDuration),
  duration("velos_app_rollout_duration_seconds", "How long rollouts took.", (app) => app.rolloutDuration),
];
