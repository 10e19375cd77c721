import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseEnvFile, readEnvFile } from "../../src/config/env-file.ts";
import { errorOf } from "./error-of.ts";

describe("parseEnvFile", () => {
  it.each<[string, Record<string, string>]>([
    ["", {}],
    ["\n\n# nothing\n  # here\n", {}],
    ["A=1", { A: "1" }],
    ["A=1\r\nB=2\r\n", { A: "1", B: "2" }],
    ["\ufeffA=1", { A: "1" }],
    ["  export A = 1  ", { A: "1" }],
    ["A=", { A: "" }],
    ["A= # nothing", { A: "" }],
    ["A=#x", { A: "" }],
    ["A=a b  # comment", { A: "a b" }],
    ["A=a#b", { A: "a#b" }],
    ["A=postgres://u:p@h/db?x=1&y=#f", { A: "postgres://u:p@h/db?x=1&y=#f" }],
    ["A='a $B \\n \"' # c", { A: 'a $B \\n "' }],
    ['A="a\\tb\\n\\"c\\" \\\\ \\$D \\q"', { A: 'a\tb\n"c" \\ $D \\q' }],
    ["A='one\ntwo'\nB=3", { A: "one\ntwo", B: "3" }],
    ['A="one\ntwo"\nB=3', { A: "one\ntwo", B: "3" }],
    ["A=1\nA=2", { A: "2" }],
    ["A=$B${C}", { A: "$B${C}" }],
    ["_a9=é☃", { _a9: "é☃" }],
    ["exportA=1", { exportA: "1" }],
  ])("reads %j", (text, variables) => expect(parseEnvFile(text)).toEqual(variables));

  it.each([
    ["A=1\nB", 2, "this line has no ="],
    ["# x\n\nexport A", 3, "this line has no ="],
    ["9A=1", 1, '"9A" cannot be a variable\'s name'],
    ["A-B=1", 1, '"A-B" cannot be a variable\'s name'],
    ["=1", 1, '"" cannot be a variable\'s name'],
    ["A=1\nB='open\nmore\n", 2, "this ' is not closed"],
    ['A="open', 1, 'this " is not closed'],
    ["A='x'y", 1, "there is more after the closing '"],
    ['A="x\ny" z', 2, 'there is more after the closing "'],
    ["A=\0", 1, "A contains a NUL character"],
  ])("refuses %j", (text, line, why) => {
    expect(() => parseEnvFile(text)).toThrow(expect.objectContaining({ line, message: why }));
  });

  it("reads back what is written in quotes", () => {
    const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/).filter((text) => text !== "__proto__");
    const value = fc.string({ unit: "binary" }).filter((text) => !text.includes("\0") && !text.includes("\r"));
    const single = (text: string): string => `'${text}'`;
    const double = (text: string): string => `"${text.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
    fc.assert(
      fc.property(fc.dictionary(name, value), fc.boolean(), (variables, escapes) => {
        const lines = Object.entries(variables).map(
          ([key, text]) => `${key}=${escapes || text.includes("'") ? double(text) : single(text)}`,
        );
        expect(parseEnvFile(lines.join("\n"))).toEqual({ ...variables });
      }),
    );
  });

  it("either reads a text or names a line that it has", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("A", "=", "'", '"', "\\", "\n", "#", " ", "\r\n") }), (text) => {
        try {
          parseEnvFile(text);
        } catch (error) {
          const { line } = error as { line: number };
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(text.split("\n").length);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("readEnvFile", () => {
  it("says why a file cannot be read, and where it is wrong", async () => {
    const directory = await mkdtemp(join(tmpdir(), "velos-env-"));
    const missing = join(directory, "missing");
    expect(await errorOf(readEnvFile(missing))).toEqual([
      "ENV_FILE_UNREADABLE",
      `cannot read the env file ${missing}: there is no such file`,
      "check the path given with --env-file or env_file",
    ]);
    expect((await errorOf(readEnvFile(directory, "velos.toml:3:1: ")))[1]).toBe(
      `velos.toml:3:1: cannot read the env file ${directory}: it is a directory`,
    );
    const file = join(directory, "env");
    await writeFile(file, "A=1\nB");
    expect((await errorOf(readEnvFile(file)))[1]).toBe(`${file}:2: this line has no =`);
    await writeFile(file, Buffer.from([0x41, 0x3d, 0xff]));
    expect((await errorOf(readEnvFile(file)))[1]).toBe(`cannot read the env file ${file}: it is not UTF-8 text`);
  });
});
