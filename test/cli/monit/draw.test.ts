import fc from "fast-check";
import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { cutToWidth } from "../../../src/cli/monit/cut.ts";
import { around, drawScreen } from "../../../src/cli/monit/draw.ts";
import type { Key } from "../../../src/cli/monit/on-key.ts";
import { onKey } from "../../../src/cli/monit/on-key.ts";
import { sparkline } from "../../../src/cli/monit/sparkline.ts";
import type { MonitState } from "../../../src/cli/monit/state.ts";
import { initialState, rowsOf, selectedRow } from "../../../src/cli/monit/state.ts";
import { createStyle } from "../../../src/cli/render/style.ts";
import { applyChange } from "../../../src/fleet/fleet.ts";
import { appendLines } from "../../../src/fleet/log-buffer.ts";
import { anyStep, ServerModel } from "../../fleet/server-model.ts";
import { FakeTerminal } from "../harness.ts";

const style = createStyle(new FakeTerminal("/", { env: { FORCE_COLOR: "1" } }));

const key = (sequence: string, name?: string, ctrl = false): Key => ({ sequence, name, ctrl });
const keys = [
  key("\u001b[A", "up"),
  key("\u001b[B", "down"),
  key("j", "j"),
  key("\u001b[5~", "pageup"),
  key("\u001b[F", "end"),
  key("\r", "return"),
  key(" ", "space"),
  key("\u001b", "escape"),
  key("\u007f", "backspace"),
  ..."?rRxs+-l4ymax".split("").map((letter) => key(letter, letter)),
];

/** A screen after anything may have happened on the server and at the keyboard. */
const anyState: fc.Arbitrary<MonitState> = fc
  .record({
    steps: fc.array(anyStep, { maxLength: 30 }),
    typed: fc.array(fc.constantFrom(...keys), { maxLength: 15 }),
    messages: fc.array(fc.string({ unit: fc.constantFrom("a", "\t", "\n", "漢", "🙂", "é") }), { maxLength: 8 }),
    away: fc.option(fc.string(), { nil: undefined }),
  })
  .map(({ steps, typed, messages, away }) => {
    const server = new ServerModel();
    for (const step of steps) server.take(step);
    let state: MonitState = { ...initialState(), away };
    state = { ...state, fleet: applyChange(state.fleet, server.snapshot()) };
    for (const press of typed) state = onKey(state, press).state;
    const lines = messages.map((message, at) => ({
      at: at + 1,
      app: "api",
      index: at - 1,
      stream: "stdout" as const,
      level: "warn" as const,
      message,
    }));
    return { ...state, log: appendLines(state.log, lines, 10) };
  });

describe("the screen", () => {
  it("fills its size and no more, whatever there is to show", () => {
    fc.assert(
      fc.property(
        anyState,
        fc.integer({ min: 1, max: 130 }),
        fc.integer({ min: 1, max: 50 }),
        (state, columns, rows) => {
          const lines = drawScreen(state, { columns, rows }, style, 10_000);
          expect(lines).toHaveLength(rows);
          for (const line of lines) {
            expect(line).not.toMatch(/[\n\r\t]/);
            expect(stringWidth(stripVTControlCharacters(line)), JSON.stringify(line)).toBeLessThanOrEqual(columns);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it("shows the selected row, where there is room for a row", () => {
    fc.assert(
      fc.property(anyState, fc.integer({ min: 8, max: 40 }), (state, rows) => {
        const row = selectedRow(state);
        if (!row || state.help) return;
        const drawn = drawScreen(state, { columns: 100, rows }, style, 10_000).map(stripVTControlCharacters);
        expect(drawn.filter((line) => line.startsWith("▸ "))).toEqual([expect.stringContaining(row.name)]);
      }),
    );
  });
});

describe("keys", () => {
  it("leave a row selected as long as there is one, and ask before they act", () => {
    fc.assert(
      fc.property(anyState, fc.constantFrom(...keys), (state, press) => {
        const { state: next, effect } = onKey(state, press);
        if (rowsOf(next).length > 0) expect(rowsOf(next).map(({ name }) => name)).toContain(selectedRow(next)!.name);
        if (effect?.kind === "act" && effect.verb !== "scale") expect(state.prompt?.kind).toBe("confirm");
      }),
    );
  });

  it("q and Ctrl-C end it; q is a letter while a number is asked for", () => {
    const state = initialState();
    expect(onKey(state, key("q", "q")).effect).toEqual({ kind: "quit", exitCode: 0 });
    expect(onKey(state, key("\u0003", "c", true)).effect).toEqual({ kind: "quit", exitCode: 130 });
    const asked: MonitState = { ...state, prompt: { kind: "scale", app: "api", typed: "4" } };
    expect(onKey(asked, key("q", "q"))).toEqual({ state: asked });
    expect(onKey(asked, key("\u0003", "c", true)).effect).toEqual({ kind: "quit", exitCode: 130 });
    expect(onKey(asked, key("\r", "return")).effect).toEqual({
      kind: "act",
      verb: "scale",
      name: "api",
      instances: "4",
    });
  });
});

it("a line is cut where it is full, never in the middle of a character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 0, max: 40 }), (line, columns) => {
      const cut = cutToWidth(line, columns);
      if (stringWidth(line) <= columns && line.length <= columns * 8) expect(cut).toBe(line);
      expect(stringWidth(cut)).toBeLessThanOrEqual(columns);
      expect(line.startsWith(cut.replace(/…$/, ""))).toBe(true);
    }),
  );
  expect(cutToWidth("漢字漢字", 5)).toBe("漢字…");
});

it("a sparkline is as wide as asked for", () => {
  expect(sparkline([0, 5, null, 10], 6, 10)).toBe("  ▁▅ █");
  expect(sparkline([], 3, 1)).toBe("   ");
  expect(sparkline([1, 2, 3, 4], 2, 1)).toBe("▇█");
});

it("the lines around one have it among them", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(49), fc.integer({ min: 1, max: 60 }), (count, at, room) => {
      const lines = Array.from({ length: count }, (_, line) => line);
      const wanted = Math.min(at, count - 1);
      const shown = around(lines, wanted, room);
      expect(shown).toContain(wanted);
      expect(shown).toHaveLength(Math.min(room, count));
    }),
  );
});
