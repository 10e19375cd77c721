import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AppSpec } from "../../src/domain/app.ts";
import { fingerprint, rolloutPauseMs, specDigest, rolloutBudget } from "../../src/domain/app.ts";
import { specOf } from "./spec.ts";

describe("the fingerprint", () => {
  const print = fingerprint(specOf());

  test("is 12 hexadecimal digits", () => expect(print).toMatch(/^[0-9a-f]{12}$/));

  test("does not depend on the order of keys, nor on absent ones", () => {
    const shuffled = Object.fromEntries(
      Object.entries(specOf({ env: { B: "2", A: "1" } })).reverse(),
    ) as unknown as AppSpec;
    expect(fingerprint(shuffled)).toBe(fingerprint(specOf({ env: { A: "1", B: "2" } })));
    expect(fingerprint({ ...specOf(), user: undefined } as unknown as AppSpec)).toBe(print);
  });

  test.each<[string, AppSpec]>([
    ["args", specOf({ args: ["/srv/other.js"] })],
    ["the order of args", specOf({ args: ["b", "a"] })],
    ["env", specOf({ env: { PATH: "/bin" } })],
    ["a secret", specOf({ secretEnv: { TOKEN: "1" } })],
    [
      "a variable named __proto__",
      specOf({ env: JSON.parse('{"PATH":"/usr/bin","__proto__":"1"}') as Record<string, string> }),
    ],
    ["user", specOf({ user: "www-data" })],
    ["killTimeoutMs", specOf({ killTimeoutMs: 1 })],
    ["systemd", specOf({ systemd: { IOWeight: 50 } })],
  ])("changes with %s", (_, spec) => expect(fingerprint(spec)).not.toBe(print));

  test.each<[string, AppSpec]>([
    ["memoryMaxBytes", specOf({ memoryMaxBytes: 1 })],
    ["maxRestarts", specOf({ maxRestarts: 1 })],
    ["watch", specOf({ watch: ["/srv"] })],
    ["cronRestart", specOf({ cronRestart: "0 3 * * *" })],
    ["rollout", specOf({ rollout: { surge: 1 } })],
  ])("stays with %s, which is applied in place; the digest does not", (_, spec) => {
    expect(fingerprint(spec)).toBe(print);
    expect(specDigest(spec)).not.toBe(specDigest(specOf()));
  });

  test("survives the store", () => {
    const variables = fc.dictionary(fc.string(), fc.string());
    fc.assert(
      fc.property(variables, variables, fc.array(fc.string()), (env, secretEnv, args) => {
        const spec = specOf({ env, secretEnv, args });
        expect(fingerprint(JSON.parse(JSON.stringify(spec)) as AppSpec)).toBe(fingerprint(spec));
      }),
    );
  });
});

test("between two instances: as configured, else nothing with a readiness signal, else the kill timeout and 2 s", () => {
  expect(rolloutPauseMs(specOf({ rollout: { pauseMs: 0 } }))).toBe(0);
  expect(rolloutPauseMs(specOf({ waitReady: true }))).toBe(0);
  expect(rolloutPauseMs(specOf({ killTimeoutMs: 5000 }))).toBe(7000);
});

test.each([
  [undefined, 0, 4, 1],
  [0, 0, 4, 1],
  [2, 0, 4, 2],
  [9, 0, 4, 4],
  ["25%", 0, 4, 1],
  ["25%", 0, 7, 1],
  ["50%", 0, 7, 3],
  ["1%", 0, 4, 1],
  ["100%", 0, 4, 4],
  [undefined, 1, 4, 0],
  [0, 1, 4, 0],
  ["10%", 1, 4, 0],
  [1, 1, 4, 1],
])("max_unavailable %s with a surge of %s: of %i instances %i may be out", (maxUnavailable, surge, wanted, budget) => {
  const rollout = { surge, ...(maxUnavailable !== undefined && { maxUnavailable }) };
  for (const listen of [[], [{ port: 3000 }]])
    expect(rolloutBudget(specOf({ listen, rollout }), wanted)).toEqual({ maxUnavailable: budget, surge });
});

test.each([
  ["a shared socket and a word when ready", { listen: [{ port: 3000 }] }, 4, 1],
  ["two of them", { listen: [{ port: 3000 }] }, 2, 1],
  ["one instance", { listen: [{ port: 3000 }] }, 1, 0],
  ["no word when ready", { listen: [{ port: 3000 }], interpreter: "python3" }, 4, 0],
  ["the program's own word", { listen: [{ port: 3000 }], interpreter: "python3", waitReady: true }, 4, 1],
  ["no socket", { waitReady: true }, 4, 0],
  ["addresses by index", { listen: [{ port: 3000 }], incrementVar: "PORT" }, 4, 0],
  ["max_unavailable set", { listen: [{ port: 3000 }], rollout: { maxUnavailable: 1 } }, 4, 0],
])("with nothing set one may be out, and the surge is by default: %s", (_, changes, wanted, surge) => {
  expect(rolloutBudget(specOf(changes), wanted)).toEqual({ maxUnavailable: 1, surge });
});
