import fc from "fast-check";
import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import type { Path } from "../../src/config/misfit.ts";
import { tomlPositions } from "../../src/config/toml-positions.ts";

/** Writes TOML and remembers where every key and value begins. */
class Writer {
  text = "";
  readonly keys = new Map<string, number>();
  readonly values = new Map<string, number>();

  add(text: string): this {
    this.text += text;
    return this;
  }

  key(path: Path, text: string): this {
    const id = JSON.stringify(path);
    if (!this.keys.has(id)) this.keys.set(id, this.text.length);
    return this.add(text);
  }

  value(path: Path, text: string): this {
    this.values.set(JSON.stringify(path), this.text.length);
    return this.add(text);
  }
}

type Value =
  | { kind: "scalar"; text: string }
  | { kind: "array"; items: Value[]; gap: string }
  | { kind: "table"; members: [string, Value][]; gap: string };
interface Section {
  isArray: boolean;
  blank: string;
  pairs: [key: string, value: Value, gap: string, comment: string][];
}

const scalar = fc.constantFrom(
  "1", "-1_000", "0x1F", "1.5", "inf", "true", "1979-05-27", "1979-05-27 07:32:00", "07:32:00",
  '""', "''", '"a = 1 # no [x] {y}"', "'a\\'", '"\\"\\\\"', '"""x\n[apps.no]\na = 1 # \\""" "" """', "'''\n'' ] }'''", '"""a"""""', "'''b'''''", '"é☃😀"',
); // prettier-ignore
const inlineGap = fc.constantFrom("", " ", "\t");
const arrayGap = fc.constantFrom("", " ", "\n", " # ] , comment\n  ", "\r\n\t");
const key = fc.constantFrom("a", "b", "c-1", "0", "é x", "a.b", "#", "=", "]", '"', "a\nb", "'");
const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar.map((text): Value => ({ kind: "scalar", text })),
    fc.record({ kind: fc.constant("array" as const), items: fc.array(tie("value"), { maxLength: 3 }), gap: arrayGap }),
    fc.record({
      kind: fc.constant("table" as const),
      members: fc.uniqueArray(fc.tuple(key, tie("value")), { maxLength: 3, selector: ([name]) => name }),
      gap: inlineGap,
    }),
  ),
}));
const section: fc.Arbitrary<Section> = fc.record({
  isArray: fc.boolean(),
  blank: fc.constantFrom("", "\n", "  # [apps.no]\n", "\r\n  "),
  pairs: fc.uniqueArray(fc.tuple(key, value, inlineGap, fc.constantFrom("", " # a = 1", "\t")), {
    maxLength: 4,
    selector: ([name]) => name,
  }),
});

const quoteKey = (name: string, style: boolean): string => {
  if (/^[A-Za-z0-9_-]+$/.test(name) && style) return name;
  return /['\n]/.test(name) || style ? JSON.stringify(name) : `'${name}'`;
};

const writeValue = (writer: Writer, path: Path, written: Value): void => {
  switch (written.kind) {
    case "scalar":
      writer.value(path, written.text);
      return;
    case "array":
      writer.value(path, `[${written.gap}`);
      for (const [index, item] of written.items.entries()) {
        writer.key([...path, index], "");
        writeValue(writer, [...path, index], item);
        writer.add(`${written.gap},${written.gap}`);
      }
      writer.add("]");
      return;
    case "table":
      writer.value(path, `{${written.gap}`);
      for (const [index, [name, member]] of written.members.entries()) {
        writer.add(index === 0 ? "" : `,${written.gap}`);
        writer.key([...path, name], quoteKey(name, index % 2 === 0)).add(`${written.gap}=${written.gap}`);
        writeValue(writer, [...path, name], member);
        writer.add(written.gap);
      }
      writer.add("}");
  }
};

const writeDocument = (sections: readonly Section[]): Writer => {
  const writer = new Writer();
  for (const [number, { isArray, blank, pairs }] of sections.entries()) {
    const elements = isArray ? 2 : 1;
    for (let element = 0; element < elements; element++) {
      writer.add(blank).add(isArray ? "[[ " : "[");
      writer
        .key(["apps"], "apps")
        .add(" . ")
        .key(["apps", `s ${number}`], `"s ${number}"`)
        .add(isArray ? " ]]\n" : "]\n");
      const path = isArray ? ["apps", `s ${number}`, element] : ["apps", `s ${number}`];
      for (const [index, [name, written, gap, comment]] of pairs.entries()) {
        writer
          .add(gap)
          .key([...path, name], quoteKey(name, index % 2 === 0))
          .add(`${gap}=${gap}`);
        writeValue(writer, [...path, name], written);
        writer.add(`${comment}\n`);
      }
    }
  }
  return writer;
};

const offsetOf = (text: string, { line, column }: { line: number; column: number }): number =>
  text.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0) + column - 1; // prettier-ignore

describe("tomlPositions", () => {
  it("finds every key and value of any document", () => {
    fc.assert(
      fc.property(fc.array(section, { maxLength: 4 }), (sections) => {
        const writer = writeDocument(sections);
        parse(writer.text); // the document is one that the library takes
        const positions = tomlPositions(writer.text);
        for (const [id, offset] of writer.keys) {
          expect(offsetOf(writer.text, positions.key(JSON.parse(id) as Path))).toBe(offset);
        }
        for (const [id, offset] of writer.values) {
          expect(offsetOf(writer.text, positions.value(JSON.parse(id) as Path))).toBe(offset);
        }
      }),
      { numRuns: 500 },
    );
  });

  const toml = `top = 1
[apps.api]
script = "a.js"
rollout.surge = 2 # here
"max\\u005frestarts" = 3
env = { A = "1", 'B' = [
] }
[apps.api.rollout.x]
[[apps.list]]
a = 1
[[apps.list]]
a = 2
[apps.list.inner]
b = 1
`;
  it.each<[Path, string, string]>([
    [["top"], "1:1", "1:7"],
    [["apps"], "2:2", "2:2"],
    [["apps", "api"], "2:7", "2:7"],
    [["apps", "api", "rollout"], "4:1", "4:1"],
    [["apps", "api", "rollout", "surge"], "4:9", "4:17"],
    [["apps", "api", "max_restarts"], "5:1", "5:23"],
    [["apps", "api", "env", "A"], "6:9", "6:13"],
    [["apps", "api", "env", "B"], "6:18", "6:24"],
    [["apps", "list", 0, "a"], "10:1", "10:5"],
    [["apps", "list", 1, "a"], "12:1", "12:5"],
    [["apps", "list", 1, "inner", "b"], "14:1", "14:5"],
    [["apps", "api", "script", "deeper"], "3:1", "3:1"],
    [["nowhere"], "1:1", "1:1"],
  ])("%j is at %s, its value at %s", (path, keyAt, valueAt) => {
    const { key: keyOf, value: valueOf } = tomlPositions(toml);
    expect([keyOf(path), valueOf(path)].map(({ line, column }) => `${line}:${column}`)).toEqual([keyAt, valueAt]);
  });

  it("ends on any text, TOML or not", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "=", "[", "]", "{", "}", '"', "'", "\n", "#", ",", ".", " ", "\\") }),
        (text) => {
          const { line, column } = tomlPositions(text).value(["a"]);
          expect(line > 0 && column > 0).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
