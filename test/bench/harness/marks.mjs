// What the bench's apps write down by themselves: when they began, and when they listened. Measured inside the app, it
// costs nobody a poll, and says the same whoever started it.
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, until } from "./process.mjs";

export const now = () => Number(process.hrtime.bigint()) / 1e6;

/** A directory for the marks of one app; `env` tells the app. */
export const makeMarks = (work) => {
  const directory = mkdtempSync(join(work, "marks-"));
  /** `{ pid, at, sinceStartMs, cpuMs }` of each process that came so far, by `kind`. */
  const read = (kind) =>
    readdirSync(directory)
      .filter((name) => name.endsWith(`.${kind}`))
      .map((name) => ({ pid: Number.parseInt(name, 10), ...JSON.parse(readFileSync(join(directory, name), "utf8")) }));
  return {
    env: { BENCH_MARKS: directory },
    read,
    /** The marks, once `count` processes other than `before` have come so far. */
    wait: (kind, count, before = new Set()) =>
      until(`${count} × ${kind}`, () => {
        const names = readdirSync(directory).filter((name) => name.endsWith(`.${kind}`));
        if (names.filter((name) => !before.has(Number.parseInt(name, 10))).length < count) return undefined;
        return read(kind).filter(({ pid }) => !before.has(pid));
      }),
    pids: (kind) => new Set(read(kind).map(({ pid }) => pid)),
    /** Of the processes that came so far, those that live. */
    alive: (kind) => read(kind).filter(({ pid }) => isAlive(pid)),
  };
};
