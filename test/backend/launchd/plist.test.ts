import fc from "fast-check";
import { parse } from "plist";
import { expect, test } from "vitest";
import type { PlistValue } from "../../../src/backend/launchd/plist.ts";
import { fitsPlist, writePlist } from "../../../src/backend/launchd/plist.ts";

// Read by a parser of property lists that is not ours.

const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(..."<>&'\"]]>\r\n\t é😀") }));
const carried = text.filter(fitsPlist);
// The parser takes keys that are names of Object.prototype's for attacks.
const key = carried.filter((name) => !(name in {}) && name !== "");

const { value } = fc.letrec<{ value: PlistValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    carried,
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(key, tie("value"), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

test("whatever is written is read back as it was", () => {
  fc.assert(
    fc.property(value, (before) => {
      expect(parse(writePlist(before))).toEqual(before);
    }),
    { numRuns: 500 },
  );
});

test("no end of a line is taken for another", () => {
  const before = ["a\nb", "a\rb", "a\r\nb", "a\u0085b", "a\r\u0085b", "a\u2028b"];
  expect(parse(writePlist(before))).toEqual(before);
});

test("what XML cannot carry is refused, and is known beforehand", () => {
  fc.assert(
    fc.property(text, (anything) => {
      if (fitsPlist(anything)) expect(parse(writePlist([anything]))).toEqual([anything]);
      else expect(() => writePlist([anything])).toThrow("cannot carry");
    }),
    { numRuns: 500 },
  );
  for (const bad of ["\u0000", "\u0001", "\u001b[0m", "\ufffe", "\ud800"]) expect(fitsPlist(bad)).toBe(false);
  for (const good of ["", "a\tb\r\n", "\u007f", "é😀", "\ufffd"]) expect(fitsPlist(good)).toBe(true);
});

test("numbers are whole", () => {
  expect(() => writePlist(0.5)).toThrow("not an integer");
});
