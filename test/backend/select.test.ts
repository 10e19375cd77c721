import { expect, test } from "vitest";
import { selectBackend } from "../../src/backend/select.ts";
import type { Paths } from "../../src/config/paths.ts";

const paths: Paths = {
  scope: "user",
  socket: "/nowhere/s",
  runtime: "/nowhere",
  managerRuntime: "/nowhere/run",
  state: "/nowhere",
  config: "/nowhere/velos.toml",
};

test("what is asked for is taken, the flag before the variable", () => {
  for (const name of ["systemd", "launchd", "spawn"]) {
    expect(selectBackend(name, paths, {})).toEqual({ name });
    expect(selectBackend(undefined, paths, { VELOS_BACKEND: name })).toEqual({ name });
  }
  expect(selectBackend("spawn", paths, { VELOS_BACKEND: "launchd" })).toEqual({ name: "spawn" });
});

test("macOS has launchd; where there is nothing, velosd does it itself and says so", () => {
  expect(selectBackend(undefined, paths, {}, true)).toEqual({ name: "launchd" });
  expect(selectBackend(undefined, paths, {}, false)).toMatchObject({ name: "spawn", reason: expect.any(String) });
});

test("another name is refused with those that there are", () => {
  expect(() => selectBackend("upstart", paths, {})).toThrow("upstart");
});
