import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fingerprint } from "../../src/domain/app.ts";
import { instanceUuid, runVariables, uuidOf } from "../../src/domain/run-variables.ts";
import { specOf } from "./spec.ts";

const identity = { instanceId: "id", version: "1.2.3" };

describe("runVariables", () => {
  it("say who the instance is, and in which trace it was started", () => {
    expect(runVariables(specOf(), identity, "00-a-b-01")).toEqual({
      lasting: {
        OTEL_SERVICE_NAME: "api",
        OTEL_RESOURCE_ATTRIBUTES: "service.instance.id=id,service.version=1.2.3",
      },
      once: { TRACEPARENT: "00-a-b-01" },
    });
    expect(runVariables(specOf(), { ...identity, version: "" }, undefined)).toEqual({
      lasting: { OTEL_SERVICE_NAME: "api", OTEL_RESOURCE_ATTRIBUTES: "service.instance.id=id" },
      once: {},
    });
  });

  it.each(["env", "secretEnv"] as const)("leave alone what the app sets in %s", (where) => {
    const own = { OTEL_SERVICE_NAME: "mine", OTEL_RESOURCE_ATTRIBUTES: "", TRACEPARENT: "mine" };
    expect(runVariables(specOf({ [where]: own }), identity, "00-a-b-01")).toEqual({ lasting: {}, once: {} });
  });

  it.each(["service.name=mine", "a=b, service.name = mine"])("do not overrule the name in %j", (attributes) => {
    const { lasting } = runVariables(specOf({ env: { OTEL_RESOURCE_ATTRIBUTES: attributes } }), identity, undefined);
    expect(lasting).toEqual({});
  });

  it("name an app whose attributes do not", () => {
    const spec = specOf({ env: { OTEL_RESOURCE_ATTRIBUTES: "x.service.name=y" } });
    expect(runVariables(spec, identity, undefined).lasting).toEqual({ OTEL_SERVICE_NAME: "api" });
  });

  it("are no part of the spec", () => {
    const spec = specOf();
    const before = fingerprint(spec);
    runVariables(spec, identity, "00-a-b-01");
    expect(fingerprint(spec)).toBe(before);
  });
});

describe("uuidOf", () => {
  it("is a UUID of version 5, the same for the same name", () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        expect(uuidOf(name)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(uuidOf(name)).toBe(uuidOf(name));
      }),
    );
  });

  it("is what others make of the same name in OpenTelemetry's namespace", () => {
    // python3: uuid.uuid5(uuid.UUID("4d63009a-8d0f-11ee-aad7-4c796ed8e320"), "m/user/api:2")
    expect(instanceUuid("m/user", "api", 2)).toBe("858952fa-af46-554b-8ffa-942a3f010752");
  });

  it("differs by machine, app and index", () => {
    const ids = [
      ["a", "x", 1],
      ["b", "x", 1],
      ["a", "y", 1],
      ["a", "x", 2],
    ] as const;
    expect(new Set(ids.map(([place, app, index]) => instanceUuid(place, app, index))).size).toBe(4);
  });
});
