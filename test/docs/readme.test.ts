import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commands } from "../../src/cli/catalogue.ts";
import { formOf } from "../../src/cli/command-form.ts";
import { loadConfig } from "../../src/config/load.ts";
import { loadScopeConfig } from "../../src/config/load-scope.ts";
import { resolvePaths } from "../../src/config/paths.ts";
import { appKeys, flagOf, healthKeys, rolloutKeys, sandboxKeys } from "../../src/config/schema.ts";
import { scopeKeys } from "../../src/config/scope-schema.ts";
import { errorTable } from "../../src/domain/errors.ts";

const file = new URL("../../README.md", import.meta.url);
const readme = await readFile(file, "utf8");

interface Entry {
  doc: string;
  example?: string;
  standard?: string;
  table?: Record<string, Entry>;
  short?: string;
}

const cell = (text: string): string => text.replaceAll("|", "\\|");
const code = (text: string | undefined): string => (text === undefined ? "" : `\`${cell(text)}\``);

const keyTable = (table: object, flags: boolean): string => {
  const entries = (Object.entries(table) as [string, Entry][]).filter(([, entry]) => !entry.table || entry.short);
  return [
    `| key | default | example | ${flags ? "flag of `velos start` | " : ""}meaning |`,
    `|---|---|---|${flags ? "---|" : ""}---|`,
    ...entries.map(([name, { doc, standard, ...entry }]) => {
      const example = entry.short === undefined ? entry.example : entry.table?.[entry.short]?.example;
      const flag = startFlags.has(flagOf(name)) ? code(flagOf(name)) : "";
      return `| ${code(name)} | ${code(standard)} | ${code(example)} | ${flags ? `${flag} | ` : ""}${cell(doc)} |`;
    }),
  ].join("\n");
};

const start = formOf(await commands["start"]!());
const startFlags = new Set(start.options.flatMap(({ names }) => names));

const reference = [
  "`[apps.<name>]`",
  keyTable(appKeys, true),
  "`[apps.<name>.rollout]`",
  keyTable(rolloutKeys, false),
  "`[apps.<name>.health]`",
  keyTable(healthKeys, false),
  "`[apps.<name>.sandbox]`",
  keyTable(sandboxKeys, false),
  "velosd's own: at the top of the scope's config file (see \"Where things are\"); `otel_…` and `idle_exit` are read when velosd starts, `api_…` when `velos api` does",
  keyTable(scopeKeys, false),
].join("\n\n");

const BEGIN =
  "<!-- keys: npx vitest run --config test/unit.config.ts test/docs with UPDATE_README=1 writes them -->\n<!-- prettier-ignore-start -->\n";
const END = "\n<!-- prettier-ignore-end -->";

describe("the README", () => {
  it("has the keys of velos.toml as the schema has them", async () => {
    const begin = readme.indexOf(BEGIN);
    const end = readme.indexOf(END, begin);
    expect([begin >= 0, end >= 0]).toEqual([true, true]);
    if (process.env["UPDATE_README"]) {
      await writeFile(file, `${readme.slice(0, begin)}${BEGIN}\n${reference}\n${readme.slice(end)}`);
    } else {
      expect(readme.slice(begin + BEGIN.length, end).trim()).toBe(reference);
    }
  });

  it("has an example that can be read", async () => {
    const directory = await mkdtemp(join(tmpdir(), "velos-readme-"));
    for (const [, toml] of readme.matchAll(/```toml\n([\s\S]*?)```/g)) {
      await writeFile(join(directory, "velos.toml"), toml!);
      if (toml!.includes("[apps.")) await loadConfig("velos.toml", directory, { isScopeConfig: true });
      await loadScopeConfig(join(directory, "velos.toml"));
    }
    await rm(directory, { recursive: true });
  });

  it("names every command, and every exit code that an error can have", () => {
    for (const name of Object.keys(commands))
      expect(readme, name).toMatch(new RegExp(`velos (?:\\w+\\\\?\\|)*${name}\\b`));
    for (const exit of new Set(Object.values(errorTable).map((entry) => entry.exit)))
      expect(readme).toMatch(new RegExp(`^\\| ${exit} `, "m"));
  });

  it("names the directories as they are", () => {
    const { socket, state, config } = resolvePaths("system", {});
    for (const path of [socket, state, config]) expect(readme).toContain(path);
  });
});

it("the help of velos start gives the defaults that the schema has", () => {
  const byFlag = new Map((Object.entries(appKeys) as [string, Entry][]).map(([name, entry]) => [flagOf(name), entry]));
  const wrong = start.options.flatMap(({ names, description }) => {
    const said = /\((\d[\w]*|SIG\w+)\)$/.exec(description)?.[1];
    const standard = names.map((name) => byFlag.get(name)?.standard).find((one) => one !== undefined);
    return said === undefined || standard === undefined || standard.replaceAll('"', "") === said
      ? []
      : [`${names.join()}: ${said}, not ${standard}`];
  });
  expect(wrong).toEqual([]);
});
