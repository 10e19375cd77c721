import type { MetricsSnapshot } from "../api/metrics-schema.ts";
import { durationBounds } from "../domain/histogram.ts";
import type { AppSnapshot } from "../domain/snapshot.ts";
import { appFamilies } from "./app-families.ts";
import type { Format } from "./exposition.ts";
import { header, labelText, numberText } from "./exposition.ts";
import { bucketLines } from "./bucket-lines.ts";

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

const linesOf = (app: AppSnapshot): string[] =>
  appFamilies.map((family) => {
    const { name } = family;
    if ("histogram" in family) {
      return bucketLines(name, labelText({ name: app.name }), durationBounds, family.histogram(app));
    }
    const values = family.values(app);
    return values
      .map(({ labels, value }) => `${name}{${labelText({ name: app.name, ...labels })}} ${numberText(value)}\n`)
      .join("");
  });
