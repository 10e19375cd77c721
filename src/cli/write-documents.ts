// Run by the build, and no part of it: writes the manual pages and the completion scripts, which are made of the CLI's own
// definition, into the directory that is named.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../domain/version.ts";
import { completionScript } from "./completions/script.ts";
import { manPages } from "./man/pages.ts";

/** By the name under which each shell looks for it. */
const COMPLETIONS = { bash: "velos", zsh: "_velos", fish: "velos.fish" } as const;

const write = (directory: string, name: string, text: string): void => {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, name), text);
};

const writeDocuments = async (directory: string): Promise<void> => {
  // The same sources give the same files where the moment of the build is given (reproducible-builds.org).
  const epoch = process.env["SOURCE_DATE_EPOCH"];
  const date = (epoch === undefined ? new Date() : new Date(Number(epoch) * 1000)).toISOString().slice(0, 10);
  for (const [name, text] of Object.entries(await manPages({ version, date })))
    write(join(directory, "man"), name, text);
  for (const [shell, name] of Object.entries(COMPLETIONS))
    write(join(directory, "completions"), name, (await completionScript(shell))!);
};

void writeDocuments(process.argv[2]!);
