import { describe, expect, it } from "vitest";
import { hasColor } from "../../src/cli/render/style.ts";
import { FakeTerminal } from "./harness.ts";

describe("colours", () => {
  const cases: readonly [isTTY: boolean, env: Record<string, string>, coloured: boolean][] = [
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "" }, true],
    [true, { TERM: "dumb" }, false],
    [false, { FORCE_COLOR: "1" }, true],
    [false, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
    [true, { FORCE_COLOR: "0" }, false],
  ];
  it.each(cases)("terminal %s, %o: %s", async (isTTY, env, coloured) => {
    expect(hasColor(new FakeTerminal("/", { isTTY, env }))).toBe(coloured);
    const { err } = await new FakeTerminal("/", { isTTY, env }).run("frobnicate");
    expect(err.includes("\u001b[")).toBe(coloured);
  });
});
