import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LogLine } from "../../src/fleet/log-buffer.ts";
import { appendLines, emptyLog, linesWith, partsOf } from "../../src/fleet/log-buffer.ts";

const line = (message: string, index = 0): LogLine => ({
  at: 1,
  app: "api",
  index,
  stream: "stdout",
  level: "info",
  message,
});

describe("the lines that are kept", () => {
  it("are the newest, and each keeps its number", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.string(), { maxLength: 20 })),
        fc.integer({ min: 1, max: 15 }),
        (batches, limit) => {
          let buffer = emptyLog;
          for (const batch of batches)
            buffer = appendLines(
              buffer,
              batch.map((text) => line(text)),
              limit,
            );
          const all = batches.flat().map((message, id) => ({ ...line(message), id }));
          expect(buffer.lines).toEqual(all.slice(-limit));
          expect(buffer.taken).toBe(all.length);
        },
      ),
    );
  });

  it("are found by their text, whatever its case, or by their instance", () => {
    const { lines } = appendLines(emptyLog, [line("GET /Items"), line("other", 2)], 10);
    expect(linesWith(lines, "items").map(({ id }) => id)).toEqual([0]);
    expect(linesWith(lines, "api:2").map(({ id }) => id)).toEqual([1]);
    expect(linesWith(lines, "")).toBe(lines);
  });
});

describe("the parts of a message", () => {
  it("are the message, and those that are found are what was searched", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "b", "A", "İ", "🙂") }),
        fc.string({ minLength: 1, unit: fc.constantFrom("a", "B") }),
        (message, search) => {
          const parts = partsOf(message, search);
          expect(parts.map(({ text }) => text).join("")).toBe(message);
          for (const { text, found } of parts) if (found) expect(text.toLowerCase()).toBe(search.toLowerCase());
          if (message.toLowerCase().length === message.length && message.toLowerCase().includes(search.toLowerCase()))
            expect(parts.some(({ found }) => found)).toBe(true);
        },
      ),
    );
  });
});
