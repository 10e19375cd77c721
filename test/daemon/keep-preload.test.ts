import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Paths } from "../../src/config/paths.ts";
import { keepPreload } from "../../src/daemon/keep-preload.ts";

let home: string;
let source: string;
const reported: string[] = [];
const keep = (): string => {
  const runtime = join(home, "run", "velos");
  const paths: Paths = { scope: "user", runtime, socket: join(runtime, "velosd.sock"), state: home, config: home };
  return keepPreload(source, paths, (line) => reported.push(line));
};

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "velos-preload-"));
  source = join(home, "preload.cjs");
  writeFileSync(source, "// one\n", { mode: 0o600 });
  reported.length = 0;
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

it("copies it to where every app can read it, whatever the umask", () => {
  const umask = process.umask(0o077);
  const copy = keep();
  process.umask(umask);
  expect(readFileSync(copy, "utf8")).toBe("// one\n");
  expect(statSync(copy).mode & 0o777).toBe(0o644);
  expect(statSync(join(home, "run", "velos-preload")).mode & 0o777).toBe(0o755);
  expect(reported).toEqual([]);
});

it("leaves to each run the one that it was started with", () => {
  const first = keep();
  expect(keep()).toBe(first);
  writeFileSync(source, "// two\n");
  const second = keep();
  expect(second).not.toBe(first);
  expect([first, second].map((path) => readFileSync(path, "utf8"))).toEqual(["// one\n", "// two\n"]);
  expect(readdirSync(join(home, "run", "velos-preload"))).toHaveLength(2);
});

it("mends one that somebody has changed", () => {
  const copy = keep();
  chmodSync(copy, 0o666);
  writeFileSync(copy, "// other\n");
  expect(keep()).toBe(copy);
  expect(readFileSync(copy, "utf8")).toBe("// one\n");
  expect(statSync(copy).mode & 0o777).toBe(0o644);
});

it("goes on with that of the installation where it cannot, and says so", () => {
  mkdirSync(join(home, "run"));
  writeFileSync(join(home, "run", "velos-preload"), "");
  expect(keep()).toBe(source);
  expect(reported).toEqual([expect.stringContaining("apps will not outlive the removal of velos: ")]);
});
