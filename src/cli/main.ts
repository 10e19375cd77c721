#!/usr/bin/env -S node --
// Without the dashes Node 20 takes an --env-file that is meant for velos as its own, wherever it stands.
import { keepCompiled } from "../compiled/load-bundle.ts";
import { version } from "../domain/version.ts";

// A bundle of its own, so that the rest is compiled from the cache, and the version is answered before it is loaded.
const [first] = process.argv.slice(2);
if (first === "--version" || first === "-V" || first === "-v") process.stdout.write(`${version}\n`);
else {
  keepCompiled(process.env);
  void import("./cli.ts").then(({ main }) => main());
}
