#!/usr/bin/env -S node --
// Without the dashes Node 20 takes an --env-file that is meant for velos as its own, wherever it stands.
import { keepCompiled } from "../compiled/load-bundle.ts";
import { version } from "../domain/version.ts";

// A bundle of its own, so that the rest is compiled from the cache, and is not loaded for the version, nor for the names
// that a shell asks for each time somebody presses tab.
const [first, ...words] = process.argv.slice(2);
if (first === "--version" || first === "-V" || first === "-v") process.stdout.write(`${version}\n`);
else {
  keepCompiled(process.env);
  if (first === "__names") {
    void import("./completions/names.ts").then(async ({ namesThere }) => {
      const names = await namesThere(words, { env: process.env, uid: process.getuid?.() });
      process.stdout.write(names.map((name) => `${name}\n`).join(""));
    });
  } else void import("./cli.ts").then(({ main }) => main());
}
