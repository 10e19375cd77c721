#!/usr/bin/env -S node --
// The dashes as in the CLI: Node 20 takes an --env-file as its own, wherever it stands.
import { join } from "node:path";
import { loadBundle } from "../compiled/load-bundle.ts";
import { closeInheritedDescriptors } from "./inherited-descriptors.ts";
import { beLean } from "./lean.ts";

closeInheritedDescriptors();
beLean();
// A bundle of its own, so that it is taken from what was compiled before.
const { run } = loadBundle(join(__dirname, "daemon.cjs"), process.env) as typeof import("./daemon.ts");
void run();
