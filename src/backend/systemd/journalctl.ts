import type { ChildProcessByStdio } from "node:child_process";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { VelosError } from "../../domain/errors.ts";

/** An entry as `journalctl -o json` prints it; fields over 4096 bytes are null without `--all`. */
export type Entry = Record<string, string | number[] | string[] | null>;

/** A field's text; empty where there is none, and of a repeated one the first. */
export const textOf = (value: Entry[string] | undefined): string =>
  typeof value === "string"
    ? value
    : Array.isArray(value)
      ? typeof value[0] === "number"
        ? Buffer.from(value as number[]).toString("utf8")
        : String(value[0] ?? "")
      : "";

/**
 * Entries of the journal, as `journalctl` gives them: it knows every format of the files, and who may read.
 * @param fields what of an entry is read, besides its cursor and time
 * @throws VelosError LOGS_UNAVAILABLE
 */
export async function* journalEntries(
  fields: string,
  args: readonly string[],
  signal: AbortSignal,
): AsyncIterable<Entry> {
  if (signal.aborted) return;
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(
    "journalctl",
    ["--output=json", `--output-fields=${fields}`, "--all", "--quiet", "--no-pager", ...args],
    { stdio: ["ignore", "pipe", "pipe"], env: { LANG: "C.UTF-8", PATH: process.env["PATH"] ?? "/usr/bin:/bin" } },
  );
  const failure: { why?: string; stderr: string } = { stderr: "" };
  child.once("error", (error) => (failure.why = error.message));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (failure.stderr.length < 2000) failure.stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once("close", resolve);
    child.once("error", () => resolve(null));
  });
  const stop = (): void => {
    child.kill();
  };
  signal.addEventListener("abort", stop);
  let finished = false;
  try {
    for await (const line of createInterface({ input: child.stdout, crlfDelay: Infinity })) {
      // What a journalctl that was ended had begun to write is no entry.
      if (line.startsWith("{") && !signal.aborted) yield JSON.parse(line) as Entry;
    }
    finished = true;
  } finally {
    signal.removeEventListener("abort", stop);
    if (!finished) child.kill();
    child.stdout.destroy();
  }
  const code = await ended;
  if (signal.aborted) return;
  if (failure.why !== undefined || (code !== 0 && code !== null && failure.stderr !== "")) {
    throw new VelosError("LOGS_UNAVAILABLE", {
      why: failure.why ?? failure.stderr.trim().split("\n")[0] ?? "journalctl failed",
      hint: "`velos doctor` tells whether the journal can be read",
    });
  }
}
