import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitWords } from "../../src/config/words.ts";

const quoteSingle = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
const quoteDouble = (word: string): string => `"${word.replace(/["\\$`]/g, "\\$&")}"`;
const quoteBackslash = (word: string): string => word.replace(/[^]/gu, "\\$&");
const withoutNul = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"));

describe("splitWords", () => {
  it.each([
    ["", []],
    ["  ", []],
    ["python3 -m http.server", ["python3", "-m", "http.server"]],
    ["echo 'a b' \"c d\" e\\ f", ["echo", "a b", "c d", "e f"]],
    ["a''b \"\" ''", ["ab", "", ""]],
    ["echo $HOME '*' %n", ["echo", "$HOME", "*", "%n"]],
    ['"\\n \\" \\\\ \\$"', ['\\n " \\ $']],
    ["a\tb\nc", ["a", "b", "c"]],
    ["héllo 'wörld ☃'", ["héllo", "wörld ☃"]],
  ])("splits %j", (line, words) => expect(splitWords(line)).toEqual(words));

  it.each([
    ["echo 'a", "has a ' that is not closed"],
    ['echo "a', 'has a " that is not closed'],
    ['echo "a\\"', 'has a " that is not closed'],
    ["echo \\", "ends with a backslash"],
    ["npm run build && npm start", "has a & outside of quotes, which only a shell understands"],
    ["app | tee log", "has a | outside of quotes, which only a shell understands"],
    ["app > log", "has a > outside of quotes, which only a shell understands"],
    ["a; b", "has a ; outside of quotes, which only a shell understands"],
  ])("refuses %j", (line, why) => expect(() => splitWords(line)).toThrow(why));

  it("undoes every way of quoting", () => {
    const quoted = fc.tuple(withoutNul, fc.constantFrom(quoteSingle, quoteDouble));
    fc.assert(
      fc.property(fc.array(quoted), (words) => {
        const line = words.map(([word, quote]) => quote(word)).join(" ");
        expect(splitWords(line)).toEqual(words.map(([word]) => word));
      }),
    );
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (word) => {
        expect(splitWords(quoteBackslash(word))).toEqual([word]);
      }),
    );
  });

  it("agrees with a real shell where nothing is to be expanded", () => {
    const part = fc.constantFrom("a", "b c", "'", '"', "\\\\", " ", "'x y'", '"x  y"', '"\\""', "\\ ", "''", "é");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const line = parts.join("");
        let words: string[];
        try {
          words = splitWords(line);
        } catch {
          return;
        }
        const script = `for word in ${line}\ndo printf '%s\\0' "$word"; done`;
        const answer = execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
        expect(words).toEqual(answer);
      }),
      { numRuns: 60 },
    );
  });
});
