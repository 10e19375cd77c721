import type { MetricsSnapshot } from "../api/metrics-schema.ts";
import type { Histogram } from "../domain/histogram.ts";
import { durationBounds } from "../domain/histogram.ts";
import type { AppSnapshot } from "../domain/snapshot.ts";
import { rolloutResults } from "../domain/tally.ts";
import type { Family, Format } from "./exposition.ts";
import { header, labelText, numberText } from "./exposition.ts";
import { bucketLines } from "./bucket-lines.ts";

interface AppFamily extends Family {
  /** Lines of one app; `labels` is the text of its own. */
  lines: (app: AppSnapshot, labels: string) => string;
}

const gauge = (name: string, help: string, value: (app: AppSnapshot) => number): AppFamily => ({
  name,
  type: "gauge",
  help,
  lines: (app, labels) => `${name}{${labels}} ${numberText(value(app))}\n`,
});

const duration = (name: string, help: string, histogram: (app: AppSnapshot) => Histogram): AppFamily => ({
  name,
  type: "histogram",
  help,
  lines: (app, labels) => bucketLines(name, labels, durationBounds, histogram(app)),
});

const appFamilies: readonly AppFamily[] = [
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
    lines: ({ rollouts }, labels) =>
      rolloutResults
        .map((result) => `velos_app_rollouts_total{${labels},result="${result}"} ${rollouts[result] ?? 0}\n`)
        .join(""),
  },
  duration("velos_app_ready_duration_seconds", "From the start of a run to ready.", (app) => app.readyDuration),
  duration("velos_app_drain_duration_seconds", "From being told to end to having ended.", (app) => app.drainDuration),
  duration("velos_app_rollout_duration_seconds", "How long rollouts took.", (app) => app.rolloutDuration),
];

/** The exposition of all apps. An app of which nothing changed keeps its lines. */
export class AppText {
  #known = new Map<string, { state: string; texts: string[] }>();

  render({ apps }: MetricsSnapshot, format: Format): string {
    const known = this.#known;
    this.#known = new Map(
      apps.map((app) => {
        const state = JSON.stringify(app);
        const before = known.get(app.name);
        return [app.name, before?.state === state ? before : { state, texts: linesOf(app) }];
      }),
    );
    if (apps.length === 0) return "";
    let text = "";
    appFamilies.forEach((family, at) => {
      text += header(family, format);
      for (const { texts } of this.#known.values()) text += texts[at]!;
    });
    return text;
  }
}

const linesOf = (app: AppSnapshot): string[] => {
  const labels = labelText({ name: app.name });
  return appFamilies.map(({ lines }) => lines(app, labels));
};
