import { describe, expect, it } from "vitest";
import { nearest } from "../../src/domain/nearest.ts";

const keys = ["script", "max_restarts", "kill_timeout", "kill_signal", "env", "cwd", "watch"];

describe("nearest", () => {
  it.each([
    ["max_restart", "max_restarts"],
    ["maxRestarts", "max_restarts"],
    ["max-restarts", "max_restarts"],
    ["kill_timout", "kill_timeout"],
    ["kill_tiemout", "kill_timeout"],
    ["Script", "script"],
    ["scirpt", "script"],
    ["evn", "env"],
    ["cwd", "cwd"],
  ])("takes %s for %s", (name, meant) => expect(nearest(name, keys)).toBe(meant));

  it.each(["", "x", "colour", "entrypoint", "a".repeat(1000)])("takes %j for nothing", (name) =>
    expect(nearest(name, keys)).toBeUndefined(),
  );
});
