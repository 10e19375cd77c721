import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { isIgnored, watchPaths } from "../../src/controller/watch-paths.ts";

let directory: string;
let stop: () => Promise<void>;
let changes: number;
let problems: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "velos-watch-"));
  mkdirSync(join(directory, "src"));
  mkdirSync(join(directory, "node_modules"));
  writeFileSync(join(directory, "src/a.js"), "");
  changes = 0;
  problems = [];
  stop = watchPaths(
    { paths: [directory], ignore: ["node_modules"], cwd: directory },
    () => changes++,
    (problem) => problems.push(problem),
  );
});
afterEach(async () => {
  await stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Writes until a change is told; the watcher needs a moment to begin. */
const writeUntilTold = async (times: number, everyMs: number): Promise<void> => {
  while (changes < times) {
    appendFileSync(join(directory, "src/a.js"), "x");
    await delay(everyMs);
  }
};

it("tells of a file that is written to without a pause", async () => {
  await writeUntilTold(2, 10);
  expect(problems).toEqual([]);
});

it("tells once of a burst, and not of what is ignored", async () => {
  await writeUntilTold(1, 300);
  const before = changes;
  for (let at = 0; at < 20; at++) appendFileSync(join(directory, "src", `${at}.js`), "x");
  writeFileSync(join(directory, "node_modules/b.js"), "x");
  await expect.poll(() => changes, { timeout: 10_000 }).toBe(before + 1);
  writeFileSync(join(directory, "node_modules/c.js"), "x");
  writeFileSync(join(directory, "src/last.js"), "x");
  await expect.poll(() => changes, { timeout: 10_000 }).toBe(before + 2);
});

it("ignores by name, by path below the working directory, and by pattern", () => {
  const settings = { paths: ["/app"], cwd: "/app", ignore: ["node_modules", "src/gen", "*.log"] };
  const ignored = (path: string): boolean => isIgnored(path, settings);
  expect(["/app/node_modules/x", "/app/src/gen/x.js", "/app/a/b.log"].map(ignored)).toEqual([true, true, true]);
  expect(["/app", "/app/src/x.js", "/app/logs"].map(ignored)).toEqual([false, false, false]);
});
