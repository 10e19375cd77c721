import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { trusted } from "../../src/compiled/cache-directory.ts";

let directory: string;
let cache: string;
let program: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "velos-compiled-"));
  program = join(directory, "load.cjs");
  await build({
    entryPoints: [new URL("../../src/compiled/load-cached.ts", import.meta.url).pathname],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "cjs",
  });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeEach(() => {
  cache = mkdtempSync(join(directory, "cache-"));
});

const bundle = (text: string): string => {
  const path = join(directory, "bundle.cjs");
  writeFileSync(path, text);
  return path;
};

/** Runs the bundle in a process of its own; what it exports. */
const run = (path: string, where = cache): unknown =>
  JSON.parse(
    execFileSync(
      process.execPath,
      [
        "-e",
        `process.stdout.write(JSON.stringify(require(${JSON.stringify(program)}).loadCached(...process.argv.slice(1))))`,
        path,
        where,
      ],
      { encoding: "utf8" },
    ),
  );

const kept = (): string[] => readdirSync(cache).map((name) => join(cache, name));

const content = `#!/usr/bin/env node
const { basename } = require("node:path");
exports.about = [basename(__filename), basename(__dirname) !== "", module.exports === exports, 1];
`;

describe("a bundle that was compiled before", () => {
  it("runs as one that is compiled now", () => {
    const path = bundle(content);
    const expected = { about: ["bundle.cjs", true, true, 1] };
    expect(run(path)).toEqual(expected);
    const [file] = kept();
    expect(kept()).toHaveLength(1);
    expect(statSync(file!).mode & 0o777).toBe(0o600);
    const before = statSync(file!).mtimeMs;
    expect(run(path)).toEqual(expected);
    expect(statSync(file!).mtimeMs, "it is not written again").toBe(before);
  });

  it("is compiled anew when the file changed, also to one of the same length", () => {
    const path = bundle(content);
    const time = new Date(1_700_000_000_000);
    utimesSync(path, time, time);
    run(path);
    writeFileSync(path, content.replace("1]", "2]"));
    // As a build that can be repeated byte by byte leaves its files.
    utimesSync(path, time, time);
    expect(run(path)).toEqual({ about: ["bundle.cjs", true, true, 2] });
    expect(run(path)).toEqual({ about: ["bundle.cjs", true, true, 2] });
    expect(kept()).toHaveLength(1);
  });

  it("is compiled anew when what was kept is damaged", () => {
    const path = bundle(content);
    run(path);
    const [file] = kept();
    const bytes = readFileSync(file!);
    for (const damaged of [bytes.subarray(0, bytes.length / 2), Buffer.from("nonsense"), Buffer.alloc(0)]) {
      writeFileSync(file!, damaged);
      expect(run(path)).toEqual({ about: ["bundle.cjs", true, true, 1] });
      expect(statSync(file!).size).toBeGreaterThan(100);
    }
  });

  it("runs where nothing can be kept", () => {
    const path = bundle(content);
    writeFileSync(join(directory, "file"), "");
    expect(run(path, join(directory, "file"))).toEqual({ about: ["bundle.cjs", true, true, 1] });
    expect(readdirSync(directory).filter((name) => name.startsWith("file"))).toEqual(["file"]);
  });

  it("leaves only the newest behind", () => {
    for (let count = 0; count < 12; count++) {
      const path = join(directory, `bundle-${count}.cjs`);
      writeFileSync(path, content);
      run(path);
    }
    expect(kept().length).toBeLessThanOrEqual(8);
    expect(kept().some((path) => path.includes("bundle-11.cjs"))).toBe(true);
  });
});

describe("the directory for it", () => {
  it("is made for the caller alone, and not taken when others may write to it, or it is somebody else's", () => {
    const uid = process.getuid!();
    const own = join(directory, "own");
    expect(trusted(own, uid)).toBe(own);
    expect(statSync(own).mode & 0o777).toBe(0o700);
    chmodSync(own, 0o777);
    expect(trusted(own, uid)).toBeUndefined();
    chmodSync(own, 0o755);
    expect(trusted(own, uid)).toBe(own);
    expect(trusted(own, uid + 1)).toBeUndefined();
    mkdirSync(join(directory, "target"));
    symlinkSync(join(directory, "target"), join(directory, "link"));
    expect(trusted(join(directory, "link"), uid)).toBeUndefined();
  });
});
