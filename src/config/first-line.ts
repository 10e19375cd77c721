import { open } from "node:fs/promises";
import { basename } from "node:path";

/**
 * The program that a script's `#!` line names, and its arguments; empty without such a line. Of `/usr/bin/env` it is
 * the name that env would look for. As for the kernel, all that follows a path is one argument; `env -S` splits it.
 */
export const firstLine = async (script: string): Promise<string[]> => {
  const file = await open(script).catch(() => undefined);
  if (file === undefined) return [];
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
    const line = buffer.toString("utf8", 0, bytesRead).split("\n")[0]!.trimEnd();
    const match = /^#![ \t]*(\S+)[ \t]*(.*)$/.exec(line);
    if (!match) return [];
    const [, program = "", rest = ""] = match;
    if (basename(program) === "env")
      return rest
        .replace(/^-S[ \t]*/, "")
        .split(/[ \t]+/)
        .filter((word) => word !== "");
    return rest === "" ? [program] : [program, rest];
  } finally {
    await file.close();
  }
};
