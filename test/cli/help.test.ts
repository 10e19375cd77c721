import { describe, expect, it } from "vitest";
import { aliases, commands } from "../../src/cli/catalogue.ts";
import { formOf } from "../../src/cli/command-form.ts";
import { commandGroups, commandHelp } from "../../src/cli/help.ts";
import { FakeTerminal } from "./harness.ts";

const velos = (...argv: string[]): Promise<{ code: number; out: string; err: string }> =>
  new FakeTerminal("/nowhere").run(...argv);
const names = Object.keys(commands);
const widest = (text: string): number => Math.max(...text.split("\n").map((line) => line.length));

it("the overview lists every command once, in 80 columns", async () => {
  const { code, out, err } = await velos("--help");
  expect([code, err]).toEqual([0, ""]);
  expect(commandGroups.flatMap(([, group]) => group).sort()).toEqual([...names].sort());
  for (const name of names) expect(out.match(new RegExp(`^  ${name} `, "gm")), name).toHaveLength(1);
  expect(widest(out)).toBeLessThanOrEqual(80);
  expect(out.split("\n").length).toBeLessThanOrEqual(44);
  for (const asked of [[], ["help"], ["-h"], ["--user", "--help"]]) expect((await velos(...asked)).out).toBe(out);
});

describe.each(names)("velos %s --help", (name) => {
  it("fits 80 columns, has an example, and is the same in every way it can be asked for", async () => {
    const { code, out, err } = await velos(name, "--help");
    expect([code, err]).toEqual([0, ""]);
    expect(widest(out)).toBeLessThanOrEqual(80);
    expect(out).toMatch(new RegExp(`^usage: velos ${name}`, "m"));
    expect(out).toMatch(new RegExp(`^examples?:\n  velos ${name}`, "m"));
    expect(out).not.toMatch(/undefined|\s\n\s*\n\n/);
    expect(out).not.toMatch(/\\n|[ \t]$/m);
    for (const asked of [
      ["help", name],
      [name, "-h"],
      ["--user", name, "x", "--help"],
    ])
      expect((await velos(...asked)).out).toBe(out);
  });

  it("shows each option once, with a word for what it takes", async () => {
    const form = formOf(await commands[name]!());
    const help = commandHelp(form);
    for (const { names: spelled, description } of form.options) {
      if (description === "") continue;
      expect(
        help.match(new RegExp(`^ +(?:--?[\\w-]+, )*${spelled.at(-1)!}(?:[ =[]|$)`, "gm")),
        spelled.join(),
      ).toHaveLength(1);
    }
    const command = await commands[name]!();
    const { Cli } = await import("clipanion");
    const cli = new Cli({ binaryName: "velos" });
    cli.register(command);
    for (const { definition } of cli.definitions()[0]!.options) {
      const [long = ""] = definition
        .split(" ")[0]!
        .split(",")
        .sort((a, b) => b.length - a.length);
      const { value } = form.options.find((option) => option.names.includes(long))!;
      if (definition.includes("#0")) expect(value, `${name} ${long} has no entry in option-values.ts`).toBeDefined();
    }
  });
});

it("aliases lead to commands", async () => {
  for (const [alias, name] of Object.entries(aliases)) {
    expect(names).toContain(name);
    expect((await velos(alias, "--help")).out).toBe((await velos(name, "--help")).out);
  }
});

it("what stands behind -- is no question for help", async () => {
  const { code, err } = await velos("start", "/nowhere/app.js", "--", "--help");
  expect([code, err]).toEqual([2, expect.stringContaining("/nowhere does not exist")]);
});
