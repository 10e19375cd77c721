import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { importPm2App } from "../../src/import/pm2-app.ts";
import { pm2Aliases, pm2Converted, pm2Dropped } from "../../src/import/pm2-keys.ts";

// Keys and aliases of pm2 7.0.4, as its lib/API/schema.json has them.
const schema = JSON.parse(readFileSync(new URL("pm2-schema-keys.json", import.meta.url), "utf8")) as Record<
  string,
  string[]
>;
const known = Object.keys(schema).filter((key) => !key.startsWith("^"));
const context = { source: "ecosystem.config.js", processors: 4 };

it("every key of pm2's schema is either converted or has a reason why not, and no key both", () => {
  const converted: readonly string[] = pm2Converted;
  for (const key of known) {
    expect([key, converted.includes(key) !== Object.hasOwn(pm2Dropped, key)]).toEqual([key, true]);
  }
});

it("every alias of pm2's schema is known", () => {
  for (const [key, aliases] of Object.entries(schema))
    for (const alias of aliases) expect([alias, pm2Aliases[alias]]).toEqual([alias, key]);
});

it("a key that cannot be converted is told, unless it says what pm2 does anyway", () => {
  for (const key of Object.keys(pm2Dropped)) {
    const { remarks } = importPm2App({ script: "a.js", [key]: "something" }, context);
    expect(remarks.map((remark) => remark.key)).toEqual([key]);
  }
  expect(importPm2App({ script: "a.js", vizion: true, namespace: "default", trace: false }, context).remarks).toEqual(
    [],
  );
});

it("a key that pm2 does not document is told too", () => {
  expect(importPm2App({ script: "a.js", max_restart: 3 }, context).remarks).toEqual([
    { key: "max_restart", why: "pm2 does not document it, and velos does not know it" },
  ]);
});
