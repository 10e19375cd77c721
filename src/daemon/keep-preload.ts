import { createHash } from "node:crypto";
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeDirectories } from "../backend/make-directories.ts";
import type { Paths } from "../config/paths.ts";

/**
 * Copies the preload out of the installation, to a directory that lives as long as the units do: beside velosd's runtime
 * directory, which is gone after a boot like them. Instances read the file again when systemd restarts them or when they
 * start a thread, also after velos was removed; and each run keeps the one that it was started with, because the name
 * says the content. Whoever an app runs as can read it.
 * @param source the preload of this build
 * @returns the path of the copy, or `source` where none can be made, which is reported
 */
export const keepPreload = (source: string, paths: Paths, report: (line: string) => void): string => {
  const directory = join(dirname(paths.runtime), "velos-preload");
  try {
    const content = readFileSync(source);
    const copy = join(directory, `${createHash("sha256").update(content).digest("hex").slice(0, 16)}.cjs`);
    if (existsSync(copy) && readFileSync(copy).equals(content)) return copy;
    makeDirectories(directory, 0o755);
    // Whatever the umask is: apps of other users load it.
    chmodSync(directory, 0o755);
    const made = `${copy}.${process.pid}`;
    writeFileSync(made, content);
    chmodSync(made, 0o644);
    renameSync(made, copy);
    return copy;
  } catch (error) {
    report(`apps will not outlive the removal of velos: ${(error as Error).message}`);
    return source;
  }
};
