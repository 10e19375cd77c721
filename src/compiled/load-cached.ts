import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";

/** What is in front of the compiled code: whose it is. A line of JSON. */
interface Owner {
  size: number;
  mtimeMs: number;
  /** Two builds can be of one size and, made reproducibly, of one time; this is when the file came here. */
  ctimeMs: number;
  node: string;
}

/** How many bundles' code is kept, those of builds that are gone included. */
const MAX_FILES = 8;

const SUFFIX = ".compiled";

/**
 * Runs a CommonJS bundle from what V8 made of it at an earlier run; where that is missing, or of another build or Node,
 * it is compiled, and kept when the process ends. V8 itself checks its version and flags, but takes any source of the
 * same length for the same: so size and time of the file are kept beside.
 *
 * @param path absolute
 * @param directory that nobody else may write to
 * @returns what the bundle exports
 */
export const loadCached = (path: string, directory: string): unknown => {
  const { size, mtimeMs, ctimeMs } = statSync(path);
  const owner = JSON.stringify({ size, mtimeMs, ctimeMs, node: process.version } satisfies Owner);
  // Longer names no file system takes; then it is compiled each time.
  const name = `${encodeURIComponent(path)}${SUFFIX}`;
  const kept = name.length < 256 ? join(directory, name) : undefined;
  const cachedData = kept === undefined ? undefined : readKept(kept, owner);
  const script = new Script(wrap(readFileSync(path, "utf8")), { filename: path, ...(cachedData && { cachedData }) });
  if (kept !== undefined && (!cachedData || script.cachedDataRejected)) {
    process.once("exit", () => keep(kept, owner, script));
  }
  const module = { exports: {} as unknown };
  const run = script.runInThisContext() as (...names: unknown[]) => void;
  run.call(module.exports, module.exports, createRequire(path), module, path, dirname(path));
  return module.exports;
};

/** As Node does it, on one line with the source's first, so that lines of stacks are right. */
const wrap = (source: string): string =>
  `(function (exports, require, module, __filename, __dirname) { ${source.replace(/^#!/, "//")}\n})`;

const readKept = (file: string, owner: string): Buffer | undefined => {
  try {
    const bytes = readFileSync(file);
    const end = bytes.indexOf("\n");
    return bytes.toString("utf8", 0, end) === owner ? bytes.subarray(end + 1) : undefined;
  } catch {
    return undefined;
  }
};

/** Where there is no room, or nothing can be written, it is compiled the next time, too. */
const keep = (file: string, owner: string, script: Script): void => {
  const made = `${file}.${process.pid}`;
  quietly(() => {
    writeFileSync(made, Buffer.concat([Buffer.from(`${owner}\n`), script.createCachedData()]), { mode: 0o600 });
    renameSync(made, file);
    removeOldest(dirname(file));
  });
  quietly(() => rmSync(made, { force: true }));
};

const quietly = (work: () => void): void => {
  try {
    work();
  } catch {
    // The caller says why.
  }
};

const removeOldest = (directory: string): void => {
  const files = readdirSync(directory)
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => ({ path: join(directory, name), at: statSync(join(directory, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at);
  for (const { path } of files.slice(MAX_FILES)) rmSync(path, { force: true });
};
