import { expect, test } from "vitest";
import { fingerprint } from "../../src/domain/app.ts";
import { instanceEnvironment } from "../../src/domain/instance-environment.ts";
import { specOf } from "./spec.ts";

test("an instance learns who it is", () => {
  const spec = specOf();
  expect(instanceEnvironment(spec, 2, 4)).toEqual({
    visible: {
      PATH: "/usr/bin",
      VELOS_APP: "api",
      VELOS_INSTANCE_ID: "2",
      VELOS_INSTANCES: "4",
      NODE_APP_INSTANCE: "2",
      VELOS_SPEC: fingerprint(spec),
    },
    secret: {},
  });
});

test("instance_var is one name more for the index", () => {
  expect(instanceEnvironment(specOf({ instanceVar: "WORKER" }), 3, 4).visible).toMatchObject({
    WORKER: "3",
    VELOS_INSTANCE_ID: "3",
  });
});

test.each([
  ["3000", "3002"],
  ["", "2"],
  ["no number", "2"],
])("increment_var on %j gives %s to instance 2", (base, value) => {
  expect(instanceEnvironment(specOf({ env: { PORT: base }, incrementVar: "PORT" }), 2, 4).visible["PORT"]).toBe(value);
});

test("increment_var counts from 0 where the variable is not set, and from a secret one too", () => {
  expect(instanceEnvironment(specOf({ incrementVar: "PORT" }), 2, 4).visible["PORT"]).toBe("2");
  const { visible, secret } = instanceEnvironment(specOf({ secretEnv: { PORT: "90" }, incrementVar: "PORT" }), 2, 4);
  expect(visible["PORT"]).toBe("92");
  expect(secret).toEqual({});
});

test("secrets stay apart, and what `env` sets as well wins over them", () => {
  const { visible, secret } = instanceEnvironment(
    specOf({ env: { MODE: "shown" }, secretEnv: { MODE: "hidden", TOKEN: "t" } }),
    0,
    1,
  );
  expect(secret).toEqual({ TOKEN: "t" });
  expect(visible).toMatchObject({ MODE: "shown" });
  expect(visible).not.toHaveProperty("TOKEN");
});

test("a secret may have any name", () => {
  const secretEnv = { constructor: "1", toString: "2", valueOf: "3" };
  expect(instanceEnvironment(specOf({ secretEnv }), 0, 1).secret).toEqual(secretEnv);
});

test("nobody else says who an instance is: neither env, nor an env file, which a supervisor reads last", () => {
  const claims = {
    VELOS_APP: "x",
    VELOS_INSTANCE_ID: "9",
    VELOS_INSTANCES: "9",
    NODE_APP_INSTANCE: "9",
    VELOS_SPEC: "x",
  };
  for (const spec of [specOf({ env: claims }), specOf({ secretEnv: claims })]) {
    const { visible, secret } = instanceEnvironment(spec, 0, 1);
    expect(visible).toMatchObject({
      VELOS_APP: "api",
      VELOS_INSTANCE_ID: "0",
      VELOS_INSTANCES: "1",
      NODE_APP_INSTANCE: "0",
    });
    expect(visible["VELOS_SPEC"]).toBe(fingerprint(spec));
    expect(secret).toEqual({});
  }
});
