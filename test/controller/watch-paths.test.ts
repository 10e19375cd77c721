import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
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

describe("what is watched is its path, whatever it leads to", () => {
  let base: string;
  let end: () => Promise<void>;
  let told: number;

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), "velos-watch-path-"));
    told = 0;
  });
  afterEach(async () => {
    await end();
    expect(problems).toEqual([]);
    rmSync(base, { recursive: true, force: true });
  });

  const at = (...names: string[]): string => join(base, ...names);
  const build = (name: string): void => {
    mkdirSync(at(name, "deep"), { recursive: true });
    writeFileSync(at(name, "app.js"), "");
  };
  const watching = async (path: string): Promise<void> => {
    end = watchPaths(
      { paths: [at(path)], ignore: [], cwd: base },
      () => told++,
      (problem) => problems.push(problem),
    );
    await delay(300);
  };
  /** Does it, and waits until it is told and nothing more is. */
  const isTold = async (what: () => unknown): Promise<void> => {
    const before = told;
    await what();
    await expect.poll(() => told, { timeout: 5000, message: what.toString() }).toBeGreaterThan(before);
    for (let last = -1; last !== told; await delay(250)) last = told;
  };
  /** What is there now is watched: a file that is changed, and one that comes below it. */
  const isWatched = async (name: string, round: number): Promise<void> => {
    await isTold(() => appendFileSync(at(name, "app.js"), "x"));
    await isTold(() => writeFileSync(at(name, "deep", `${round}.js`), ""));
  };
  const removed = (name: string): void => rmSync(at(name), { recursive: true });
  const moved = (name: string): void => renameSync(at(name), at(`${name}-${Math.random()}`));

  it.each([
    ["removed and made again", "dist", removed, 0],
    ["removed and made again after a while", "dist", removed, 50],
    ["moved away and made again", "dist", moved, 0],
    ["below what is watched, and removed and made again", ".", removed, 0],
    ["below what is watched, and moved away and made again", ".", moved, 0],
  ])(
    "a directory that is %s, again and again",
    async (_, path, goes, afterMs) => {
      build("dist");
      await watching(path);
      for (let round = 0; round < 2; round++) {
        await isTold(async () => {
          goes("dist");
          if (afterMs > 0) await delay(afterMs);
          build("dist");
        });
        await isWatched("dist", round);
      }
    },
    30_000,
  );

  it.each([
    ["that is watched", "current"],
    ["above what is watched", "current/deep"],
  ])(
    "a link %s that comes to lead elsewhere, again and again",
    async (_, path) => {
      for (const release of ["r0", "r1", "r2"]) build(release);
      symlinkSync("r0", at("current"));
      await watching(path);
      for (let round = 1; round < 3; round++) {
        await isTold(() => {
          symlinkSync(`r${round}`, at("next"));
          renameSync(at("next"), at("current"));
        });
        await isTold(() => writeFileSync(at(`r${round}`, "deep", "new.js"), ""));
        const before = told;
        writeFileSync(at(`r${round - 1}`, "deep", "late.js"), "");
        await delay(400);
        expect(told, "what it led to before is not watched any more").toBe(before);
      }
    },
    30_000,
  );

  it("a directory that is not there yet, nor the one above it", async () => {
    await watching("out/dist");
    for (let round = 0; round < 2; round++) {
      await isTold(() => build("out/dist"));
      await isWatched("out/dist", round);
      await isTold(() => removed("out"));
    }
  }, 30_000);

  it("a file that editors replace, and one that a link in a directory leads to", async () => {
    writeFileSync(at("app.js"), "");
    await watching("app.js");
    for (let round = 0; round < 2; round++) {
      await isTold(() => appendFileSync(at("app.js"), "x"));
      await isTold(() => {
        writeFileSync(at("app.js~"), "y");
        renameSync(at("app.js~"), at("app.js"));
      });
    }
    await end();
    mkdirSync(at("conf"));
    symlinkSync(at("app.js"), at("conf", "app.js"));
    // Round in a circle.
    symlinkSync(at("conf"), at("conf", "self"));
    await watching("conf");
    for (let round = 0; round < 2; round++) {
      await isTold(() => appendFileSync(at("app.js"), "x"));
      await isTold(() => {
        writeFileSync(at("app.js~"), "y");
        renameSync(at("app.js~"), at("app.js"));
      });
    }
  }, 30_000);

  it("a link in a directory, that comes to lead elsewhere by another link far from it", async () => {
    for (const release of ["releases/0", "releases/1", "releases/2"]) build(release);
    symlinkSync("releases/0", at("current"));
    mkdirSync(at("app"));
    symlinkSync(at("current/deep"), at("app", "lib"));
    await watching("app");
    for (let round = 1; round < 3; round++) {
      await isTold(() => {
        symlinkSync(`releases/${round}`, at("next"));
        renameSync(at("next"), at("current"));
      });
      await isTold(() => writeFileSync(at(`releases/${round}`, "deep", "new.js"), ""));
      const before = told;
      writeFileSync(at(`releases/${round - 1}`, "deep", "late.js"), "");
      await delay(400);
      expect(told, "what it led to before is not watched any more").toBe(before);
    }
    await isTold(() => rmSync(at("app", "lib")));
    await isTold(() => {
      rmSync(at("app", "lib"), { recursive: true, force: true });
      build("app/lib");
    });
    await isTold(() => appendFileSync(at("app", "lib", "deep", "new.js"), "x"));
  }, 30_000);

  it("and no permissions of a directory, nor what is beside it", async () => {
    build("dist");
    await watching("dist");
    chmodSync(at("dist"), 0o700);
    chmodSync(at("dist", "deep"), 0o700);
    build("other");
    writeFileSync(at("file"), "");
    await delay(500);
    expect(told).toBe(0);
    await isWatched("dist", 0);
  });
});
