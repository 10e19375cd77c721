import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { appFromJson, appJsonSchema } from "../../src/config/json-app.ts";
import { literal } from "../../src/config/literal.ts";
import { appKeys } from "../../src/config/schema.ts";
import { VelosError } from "../../src/domain/errors.ts";

const read = (value: unknown) => appFromJson(value, "/srv/app");

describe("an app as JSON", () => {
  it("is read as the same keys of velos.toml are", async () => {
    const app = await read({
      name: "api",
      script: "server.js",
      instances: 4,
      kill_timeout: "3s",
      restart_delay: 250,
      env: { PORT: 3000, DEBUG: true, RATIO: "0.5" },
      listen: 3000,
      rollout: { surge: 1, max_unavailable: "25%" },
    });
    expect(app).toMatchObject({
      name: "api",
      settings: {
        script: "server.js",
        killTimeoutMs: 3000,
        restartDelayMs: 250,
        env: { PORT: "3000", DEBUG: "true", RATIO: "0.5" },
        listen: [{ port: 3000 }],
        rollout: { surge: 1, maxUnavailable: "25%" },
      },
    });
  });

  test.each([
    [[], "the app", "it should be an object"],
    [{}, "the app", "this app has neither script nor command"],
    [{ name: 5, script: "a.js" }, "/name", "name should be a text"],
    [{ script: "a.js", kill_timeout: "soon" }, "/kill_timeout", "kill_timeout should be a duration"],
    [{ script: "a.js", env: { A: { b: 1 } } }, "/env/A", "A should be a text"],
    [{ script: "a.js", rollout: { sugre: 1 } }, "/rollout/sugre", 'unknown key "sugre"'],
    [{ script: "a.js", "a/b~": 1 }, "/a~1b~0", "unknown key"],
    [{ script: "a.js", __proto__: null, constructor: 1 }, "/constructor", "unknown key"],
  ])("%j is refused at %j", async (value, where, why) => {
    const error = await read(value).catch((caught: unknown) => caught as VelosError);
    expect(error).toBeInstanceOf(VelosError);
    expect((error as VelosError).details["where"]).toBe(where);
    expect((error as VelosError).message).toContain(why);
  });

  it("hints in JSON", async () => {
    await expect(read({ script: "a.js", args: 7 })).rejects.toMatchObject({
      hint: 'for example "args": ["--port","3000"]',
    });
    await expect(read({})).rejects.toMatchObject({ hint: 'add what it runs, such as "script": "server.js"' });
  });

  it("is refused without harm, however deep or odd", async () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 100_000; depth++) deep = [deep];
    await expect(read({ script: "a.js", args: deep })).rejects.toThrow("nested");
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.constantFrom(...Object.keys(appKeys), "x"), fc.jsonValue()), async (value) => {
        await read(value).catch((error: unknown) => expect(error).toBeInstanceOf(VelosError));
      }),
    );
  });
});

it("has a schema with every key that works, whose examples can be read", async () => {
  const { properties } = appJsonSchema() as {
    properties: Record<string, { examples?: unknown[]; description: string }>;
  };
  const works = Object.entries(appKeys);
  expect(Object.keys(properties)).toEqual(["name", ...works.map(([name]) => name)]);
  for (const [name, { examples }] of Object.entries(properties)) {
    const [example] = examples ?? [];
    if (example === undefined || name === "name") continue;
    const program = name === "script" || name === "command" ? {} : { script: "a.js" };
    await expect(read({ ...program, [name]: example }), name).resolves.toBeDefined();
  }
});

it("reads literals of TOML", () => {
  expect([literal('"5s"'), literal("[1, 2]"), literal('{ A = "b" }'), literal("true")]).toEqual([
    "5s",
    [1, 2],
    { A: "b" },
    true,
  ]);
});
