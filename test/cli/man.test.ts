import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aliases, commands } from "../../src/cli/catalogue.ts";
import { formOf } from "../../src/cli/command-form.ts";
import { commonOptions } from "../../src/cli/completions/word-choices.ts";
import { manPages } from "../../src/cli/man/pages.ts";
import { example, prose, typed } from "../../src/cli/man/roff.ts";
import { exitCodes } from "../../src/cli/man/velos-page.ts";
import { appKeys } from "../../src/config/schema.ts";
import { scopeKeys } from "../../src/config/scope-schema.ts";
import { errorTable } from "../../src/domain/errors.ts";

const pages = await manPages({ version: "1.2.3", date: "2026-01-31" });
const names = Object.keys(pages);
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "velos-man-"));
  for (const [name, text] of Object.entries(pages)) writeFileSync(join(directory, name), text);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Ran {
  out: string;
  err: string;
  code: number | null;
}

const run = (program: string, ...args: string[]): Ran => {
  const env = { PATH: process.env["PATH"], LANG: "C.UTF-8", MANWIDTH: "100", MANROFFSEQ: "" };
  const { stdout, stderr, status, error } = spawnSync(program, args, { cwd: directory, encoding: "utf8", env });
  if (error) throw error;
  return { out: stdout, err: stderr, code: status };
};

const has = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
/** What a page must pass without a word. */
const checkers: Record<string, (name: string) => Ran> = {
  man: (name) => ({ ...run("man", "--warnings=w", "-l", "-P", "cat", name), out: "" }),
  groff: (name) => run("groff", "-man", "-rCHECKSTYLE=3", "-ww", "-Tutf8", "-z", name),
  mandoc: (name) => run("mandoc", "-T", "lint", "-W", "warning", name),
};
// On a developer's machine those that are there; in CI all of them.
const present = Object.keys(checkers).filter((program) => process.env["CI"] === "true" || has(program));

/** As a reader sees it: without the overstriking that makes bold for terminals, and without the breaks of lines. */
const rendered = (name: string): string =>
  run("man", "-l", "-P", "cat", name).out.replace(/.\x08/g, "").replace(/\s+/g, " ");

describe.each(names)("%s", (name) => {
  it.each(present)("gives %s nothing to complain about", (program) => {
    expect(checkers[program]!(name)).toEqual({ out: "", err: "", code: 0 });
  });

  it("is ASCII, and has no line of text that roff takes for a request", () => {
    const text = pages[name]!;
    expect(text).not.toMatch(/[^\x00-\x7f]/);
    for (const line of text.split("\n"))
      if (/^[.']/.test(line)) expect(line).toMatch(/^\.(?:TH|SH|SS|PP|TP|RS|RE|nf|fi|br)(?: |$)/);
  });
});

describe("velos(1)", () => {
  it("has every command, its other names, and every option with its word", async () => {
    const page = pages["velos.1"]!;
    const common = commonOptions([formOf(await commands["start"]!())]);
    for (const [name, load] of Object.entries(commands)) {
      const { options, details, examples } = formOf(await load());
      const begin = page.search(new RegExp(`^\\.SS "velos ${name}[ "]`, "m"));
      expect(begin, name).toBeGreaterThan(0);
      const part = page.slice(begin, begin + 1 + page.slice(begin + 1).search(/^\.S[SH]/m));
      for (const alias of Object.keys(aliases).filter((one) => aliases[one] === name))
        expect(part).toContain(`\\%${alias}\\fR`);
      for (const { names: spelled, value } of options) {
        const isCommon = common.some((one) => one.names.join() === spelled.join() && one.value?.word === value?.word);
        const where = isCommon ? page : part;
        for (const one of spelled) expect(where, `${name} ${one}`).toContain(`\\fB${typed(one)}\\fR`);
        if (value) expect(where).toContain(`\\fI${typed(value.word)}\\fR`);
      }
      for (const [, line] of examples) expect(part).toContain(typed(line));
      if (details !== "") expect(part.split("\n.PP\n").length, name).toBeGreaterThan(1);
    }
  });

  it("tells every exit code that an error can have", () => {
    const codes = new Set(Object.values(errorTable).map(({ exit }) => exit));
    expect(Object.keys(exitCodes).map(Number)).toEqual(expect.arrayContaining([...codes, 0, 130]));
  });

  it("reads as the help does", () => {
    const page = rendered("velos.1");
    expect(page).toContain("velos start [options] [script|command|app...] [-- args]");
    expect(page).toContain("-n, --name NAME name of the app (the script's)");
    expect(page).toContain("velos start server.js --name api -i 4");
    expect(page).toContain("restart when files change: in DIR of --cwd, or in PATHS");
    // Found by `man -k` and `whatis`, which read this line.
    expect(page).toMatch(/name velos - cluster and process manager, native to systemd synopsis/i);
  });
});

it("velos.toml(5) has every key that works, in the section of its table", () => {
  const page = pages["velos.toml.5"]!;
  const check = (heading: string, table: object): void => {
    const begin = page.indexOf(`.SH "${heading}"`);
    expect(begin, heading).toBeGreaterThan(0);
    const part = page.slice(begin, begin + 1 + page.slice(begin + 1).search(/^\.SH/m));
    for (const [name, key] of Object.entries(table) as [string, { example?: string; table?: object }][]) {
      if (key.table) check(`[apps.<name>.${name}]`, key.table);
      else if (key.example) expect(part, name).toContain(`\n\\fB${typed(name)}\\fR\n`);
    }
  };
  check("[apps.<name>]", appKeys);
  check("SETTINGS OF VELOSD", scopeKeys);
});

describe("roff", () => {
  it("is told what is to be typed as it stands", () => {
    expect(typed(`-n '\\' "~^\``)).toBe(`\\-n \\(aq\\e\\(aq "\\(ti\\(ha\\(ga`);
    expect(prose("so-called `-n`… it's")).toBe("so-called \\fB\\%\\-n\\fR\\[u2026] it\\(aqs");
  });

  it("does not take text for a request", () => {
    expect(example([".env", "'x'", "plain"]).slice(3, 6)).toEqual(["\\&.env", "\\(aqx\\(aq", "plain"]);
  });
});
