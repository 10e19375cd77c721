#!/usr/bin/env -S node --
// Without the dashes Node 20 takes an --env-file that is meant for velos as its own, wherever it stands.
import { writeFileSync } from "node:fs";
import { keepCompiled } from "../compiled/load-bundle.ts";
import type { Scope } from "../config/paths.ts";
import { version } from "../domain/version.ts";

// A bundle of its own, so that the rest is compiled from the cache, and is not loaded for the version, nor for the names
// that a shell asks for each time somebody presses tab.
const words = process.argv.slice(2);
const [first] = words;

const whole = async (): Promise<void> => (await import("./cli.ts")).main();

const names = async (): Promise<void> => {
  const { namesThere } = await import("./completions/names.ts");
  const found = await namesThere(words.slice(1), { env: process.env, uid: process.getuid?.() });
  const text = found.map((name) => `${name}\n`).join("");
  // Node's stream for it takes longer to load than all of this.
  try {
    writeFileSync(1, text);
  } catch {
    process.stdout.write(text);
  }
};

/** The scope of a `velos list` with nothing else to it; undefined for any other command. */
const plainScope = (): Scope | undefined => {
  const [command, ...others] = words.filter((word) => word !== "--user" && word !== "--system");
  const isPlain = (command === "list" || command === "ls") && others.length === 0 && words.length <= 2;
  if (!isPlain || process.env["VELOS_HOST"]) return undefined;
  if (words.includes("--user")) return "user";
  return words.includes("--system") || process.getuid?.() === 0 ? "system" : "user";
};

const list = async (scope: Scope): Promise<void> => {
  const { plainList } = await import("./plain-list.ts");
  if (!(await plainList(scope, process.env))) await whole();
};

if (first === "--version" || first === "-V" || first === "-v") process.stdout.write(`${version}\n`);
// So little that to look for what was compiled of it takes longer.
else if (first === "__names") void names();
else {
  keepCompiled(process.env);
  const scope = plainScope();
  void (scope === undefined ? whole() : list(scope));
}
