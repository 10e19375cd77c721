import type { MetricsSnapshot } from "../api/metrics-schema.ts";
import type { InstanceRow } from "../domain/snapshot.ts";
import { column } from "../domain/snapshot.ts";
import type { Family, Format } from "./exposition.ts";
import { header, labelText, numberText } from "./exposition.ts";
import { FamilyBody } from "./family-body.ts";
import { instanceFamilies } from "./instance-families.ts";
import { infoFamily, infoLabels } from "./instance-info.ts";

/** The lines of one instance, in the order of `instanceFamilies`, and the values that they say. */
interface Lines {
  prefixes: string[];
  values: (number | undefined)[];
  texts: string[];
  info: string;
  infoKey: string;
  seen: number;
}

const seriesCount = instanceFamilies.reduce((sum, { series }) => sum + series.length, 0);

/**
 * The exposition of all instances. Most of it is the same at every scrape: names, labels, and of the 40 lines of an
 * instance about 25 values. So the text before each value is kept, the line while its value stays, and the bytes of a
 * family while none of its lines changed. For a thousand instances of which everything changes that is 10 ms of work,
 * where a general library takes more than 100.
 */
export class InstanceText {
  readonly #lines = new Map<string, Lines>();
  readonly #bodies = instanceFamilies.map(() => new FamilyBody());
  /** Families of which a line changed since their bytes were made. */
  readonly #changed = new Set<number>();
  #order: readonly Lines[] = [];
  #round = 0;

  render(snapshot: MetricsSnapshot, format: Format): Buffer[] {
    this.#round++;
    const all = snapshot.instances.map((row) => this.#update(row, snapshot));
    for (const [key, { seen }] of this.#lines) if (seen !== this.#round) this.#lines.delete(key);
    const isSame = all.length === this.#order.length && all.every((lines, at) => lines === this.#order[at]);
    this.#order = all;
    const bytes: Buffer[] = [];
    const add = (family: Family, body: Buffer): void => {
      if (body.length > 0) bytes.push(Buffer.from(header(family, format)), body);
    };
    add(infoFamily, Buffer.from(all.map(({ info }) => info).join("")));
    let first = 0;
    instanceFamilies.forEach((family, at) => {
      const end = first + family.series.length;
      const body = this.#bodies[at]!;
      if (!isSame || this.#changed.has(at)) body.write(all, first, end);
      add(family, body.bytes);
      first = end;
    });
    this.#changed.clear();
    return bytes;
  }

  #update(row: InstanceRow, snapshot: MetricsSnapshot): Lines {
    const lines = this.#linesOf(row, snapshot);
    lines.seen = this.#round;
    let at = 0;
    instanceFamilies.forEach(({ series }, family) => {
      for (const { value } of series) {
        const now = value(row, snapshot.at);
        if (now !== lines.values[at]) {
          lines.values[at] = now;
          lines.texts[at] = now === undefined ? "" : `${lines.prefixes[at]!}${numberText(now)}\n`;
          this.#changed.add(family);
        }
        at++;
      }
    });
    return lines;
  }

  #linesOf(row: InstanceRow, snapshot: MetricsSnapshot): Lines {
    const { apps, daemon } = snapshot;
    const app = apps[row[column.app] as number]!;
    const instance = String(row[column.index]);
    const key = `${app.name}:${instance}`;
    const lines = this.#lines.get(key) ?? newLines(app.name, instance);
    if (lines.seen === 0) this.#lines.set(key, lines);
    const [unit, version, spec] = [row[column.unit], row[column.version], row[column.spec]];
    const infoKey = `${unit} ${version} ${spec} ${app.interpreter} ${daemon.backend}`;
    if (infoKey !== lines.infoKey) {
      lines.infoKey = infoKey;
      lines.info = `${infoFamily.name}{${labelText(infoLabels(row, snapshot))}} 1\n`;
    }
    return lines;
  }
}

const newLines = (name: string, instance: string): Lines => ({
  prefixes: instanceFamilies.flatMap((family) =>
    family.series.map(({ labels }) => `${family.name}{${labelText({ name, instance, ...labels })}} `),
  ),
  values: new Array<undefined>(seriesCount).fill(undefined),
  texts: new Array<string>(seriesCount).fill(""),
  info: "",
  infoKey: "",
  seen: 0,
});
