import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { checkTable } from "../../src/config/check.ts";
import type { Problem } from "../../src/config/problem.ts";
import type { AnyKey, KeyTable } from "../../src/config/schema.ts";
import { appKeys, flagOf, rolloutKeys, sandboxKeys } from "../../src/config/schema.ts";
import { scopeKeys } from "../../src/config/scope-schema.ts";
import { rolloutDefaults, specDefaults } from "../../src/domain/app.ts";

const context = { baseDir: "/srv/app", form: "toml" } as const;
const tables = [
  ["app", appKeys, specDefaults],
  ["rollout", rolloutKeys, rolloutDefaults],
  ["sandbox", sandboxKeys, {}],
] as unknown as [string, KeyTable<object>, Record<string, unknown>][];

describe.each(tables)("the keys of %s", (_, table, defaults) => {
  const keys = Object.entries(table) as [string, AnyKey<Record<string, unknown>>][];
  const read = async (key: string, literal: string): Promise<Record<string, unknown>> => {
    const problems: Problem[] = [];
    const written = parse(`${key} = ${literal}`, { integersAsBigInt: true });
    const settings = await checkTable(table, written, context, [], problems);
    expect(problems).toEqual([]);
    return settings as Record<string, unknown>;
  };

  it("have examples that can be read", async () => {
    for (const [key, entry] of keys) {
      if (!("kind" in entry)) continue;
      expect((await read(key, entry.example))[entry.field], key).toBeDefined();
    }
  });

  it("document the defaults that the domain has", async () => {
    for (const [key, entry] of keys) {
      if (!("kind" in entry)) continue;
      const standard = defaults[entry.field];
      if (standard === undefined) continue;
      expect(entry.standard, key).toBeDefined();
      expect((await read(key, entry.standard!))[entry.field], key).toEqual(standard);
    }
  });
});

it("every key has a line of documentation and a flag of its own", () => {
  const entries = Object.entries<{ doc: string }>({ ...appKeys, ...rolloutKeys, ...scopeKeys });
  for (const [name, { doc }] of entries) expect(doc, name).toMatch(/^[^\n]{8,110}$/);
  const flags = Object.keys(appKeys).map(flagOf);
  expect(new Set(flags).size).toBe(flags.length);
  expect([flagOf("kill_timeout"), flagOf("user"), flagOf("max_memory_restart")]).toEqual([
    "--kill-timeout",
    "--uid",
    "--max-memory",
  ]);
});
