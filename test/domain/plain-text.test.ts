import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainText } from "../../src/domain/plain-text.ts";

describe("plain text", () => {
  it.each([
    ["\u001b[31merror\u001b[39m", "error"],
    ["\u001b]0;title\u0007text", "text"],
    ["\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\", "link"],
    ["a\tb\r", "a\tb"],
    ["\u001bc reset \u0007", " reset "],
  ])("%j is %j", (message, expected) => {
    expect(plainText(message)).toBe(expected);
  });

  it("has nothing that a terminal would act on, whatever was written", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (message) => {
        expect(plainText(message)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      }),
    );
  });
});
