import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BackwardReader } from "../../../src/backend/spawn/logs/backward-reader.ts";
import { ForwardReader } from "../../../src/backend/spawn/logs/forward-reader.ts";
import { lineTime, namedTime } from "../../../src/backend/spawn/logs/line-time.ts";
import { LogFile } from "../../../src/backend/spawn/logs/log-file.ts";
import { LogStore } from "../../../src/backend/spawn/logs/log-store.ts";
import { thin, timeAt } from "../../../src/backend/spawn/logs/marks.ts";
import { rotate } from "../../../src/backend/spawn/logs/rotate.ts";

let directory = "";
let path = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "velos-logs-"));
  path = join(directory, "0.log");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const backward = async (file: LogFile, end = file.segments()[0]!.end): Promise<string[]> => {
  const reader = new BackwardReader(file.segments(), end);
  const lines: string[] = [];
  for (let line = await reader.previous(); line; line = await reader.previous()) lines.push(line.text);
  await reader.close();
  return lines.reverse();
};

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, at) => `line ${from + at} ${"\u00e9".repeat((from + at) % 90)}`);

describe("reading backwards", () => {
  test.each([
    ["nothing", "", []],
    ["one line", "a\n", ["a"]],
    ["no break at the end", "a\nb", ["a", "b"]],
    ["empty lines", "\n\na\n\n", ["", "", "a", ""]],
    ["only a break", "\n", [""]],
  ])("%s", async (_, text, lines) => {
    writeFileSync(path, text);
    expect(await backward(new LogFile(path))).toEqual(lines);
  });

  test("lines across chunks and across rotated files are whole", async () => {
    const lines = numbered(0, 20_000);
    const text = Buffer.from(lines.join("\n") + "\n");
    // Cut where a character of two bytes is in two files.
    writeFileSync(`${path}.2`, text.subarray(0, 70_001));
    writeFileSync(`${path}.1`, text.subarray(70_001, 70_033));
    writeFileSync(path, text.subarray(70_033));
    writeFileSync(`${path}.marks`, "base 70033\n");
    expect(await backward(new LogFile(path))).toEqual(lines);
  });

  test("a line without end comes in pieces", async () => {
    writeFileSync(path, `a\n${"x".repeat(3_000_000)}\nb\n`);
    const lines = await backward(new LogFile(path));
    expect(lines[0]).toBe("a");
    expect(lines.at(-1)).toBe("b");
    expect(lines.slice(1, -1).join("")).toHaveLength(3_000_000);
  });
});

describe("rotating", () => {
  test.each([true, false])("what was written is there, in order (collapsing: %s)", async (canCollapse) => {
    const file = new LogFile(path);
    file.canCollapse = canCollapse;
    const reader = new ForwardReader(file, 0);
    const followed: string[] = [];
    for (let at = 0; at < 5000; at += 500) {
      appendFileSync(path, numbered(at, at + 500).join("\n") + "\n");
      if (at % 1500 === 0)
        for (let lines = await reader.next(); lines; lines = await reader.next())
          followed.push(...lines.map(({ text }) => text));
      await rotate(file, 100);
    }
    for (let lines = await reader.next(); lines; lines = await reader.next())
      followed.push(...lines.map(({ text }) => text));
    expect(await backward(file)).toEqual(numbered(0, 5000));
    expect(followed).toEqual(numbered(0, 5000));
    expect(existsSync(`${path}.10`)).toBe(true);
    expect(await backward(new LogFile(path))).toEqual(numbered(0, 5000));
  });

  test("no more files are kept than asked for", async () => {
    const file = new LogFile(path);
    for (let at = 0; at < 5; at++) {
      appendFileSync(path, `${String(at).repeat(10_000)}\n`);
      await rotate(file, 2);
    }
    expect([1, 2, 3].map((age) => existsSync(`${path}.${age}`))).toEqual([true, true, false]);
    await rotate(file, 0);
    expect(await backward(file)).not.toEqual([]);
  });

  test("a rotation that velosd's death interrupted is ended or undone", async () => {
    const text = numbered(0, 3000).join("\n") + "\n";
    const head = text.slice(0, 8192);
    writeFileSync(path, text);
    // Before the cut, the copy complete or not: it goes.
    writeFileSync(`${path}.rotating.8192`, head.slice(0, 5000));
    expect(await backward(new LogFile(path))).toEqual(numbered(0, 3000));
    expect(existsSync(`${path}.1`)).toBe(false);
    // After the cut: it is all there is.
    writeFileSync(path, Buffer.from(text).subarray(Buffer.byteLength(head)));
    writeFileSync(`${path}.rotating.8192`, head);
    expect(await backward(new LogFile(path))).toEqual(numbered(0, 3000));
    expect(readFileSync(`${path}.1`, "utf8")).toBe(head);
  });

  test("a file that somebody emptied is followed from its beginning", async () => {
    const file = new LogFile(path);
    writeFileSync(path, "one\ntwo\n");
    const reader = new ForwardReader(file, 0);
    expect((await reader.next())?.map(({ text }) => text)).toEqual(["one", "two"]);
    truncateSync(path);
    appendFileSync(path, "three\n");
    expect((await reader.next())?.map(({ text }) => text)).toEqual(["three"]);
  });
});

describe("times", () => {
  test("the time that a line names", () => {
    const at = Date.UTC(2024, 4, 1, 12, 0, 0);
    expect(namedTime("2024-05-01T12:00:00Z x")).toBe(at);
    expect(namedTime("[2024-05-01 14:00:00,250+02:00] x")).toBe(at + 250);
    expect(namedTime(`{"time":${at},"level":30}`)).toBe(at);
    expect(namedTime(`{"ts":${at / 1000}}`)).toBe(at);
    expect(namedTime('{"@timestamp":"2024-05-01T12:00:00.000Z"}')).toBe(at);
    expect(namedTime("12 apples")).toBeUndefined();
    expect(namedTime("{broken")).toBeUndefined();
  });

  test("a time that cannot be is not believed", () => {
    const at = Date.UTC(2024, 4, 1);
    expect(lineTime("2024-05-01T00:00:01Z x", { from: at, at: at + 100, to: at + 2000 })).toBe(at + 1000);
    expect(lineTime("1999-05-01T00:00:01Z x", { from: at, at: at + 100, to: at + 2000 })).toBe(at + 100);
  });

  test("between two marks time passes evenly", () => {
    const marks = [
      { at: 1000, end: 100 },
      { at: 2000, end: 200 },
    ];
    expect(timeAt(marks, 200, 9000)).toEqual({ from: 1000, at: 2000, to: 2000 });
    expect(timeAt(marks, 150, 9000)).toEqual({ from: 1000, at: 1500, to: 2000 });
    expect(timeAt(marks, 50, 9000).at).toBe(1000);
    expect(timeAt(marks, 300, 9000)).toEqual({ from: 2000, at: 9000, to: 9000 });
  });

  test("thinning keeps the newer half, and nothing of what is gone", () => {
    const marks = Array.from({ length: 100 }, (_, at) => ({ at, end: at * 10 }));
    const thinned = thin(marks, 205);
    expect(thinned.slice(-50)).toEqual(marks.slice(-50));
    expect(thinned[0]).toEqual({ at: 20, end: 200 });
    expect(thinned.length).toBe(65);
  });

  test("lines of several instances are merged by time, without stamps of their own", async () => {
    let now = Date.now();
    const store = new LogStore(directory, () => now);
    const write = (index: number, text: string): void => {
      const log = store.pathOf("api", index);
      appendFileSync(log, text);
    };
    const { mkdirSync, utimesSync } = await import("node:fs");
    mkdirSync(join(directory, "logs", "api"), { recursive: true });
    const ask = async (lines: number): Promise<string[]> => {
      const found: string[] = [];
      const query = { app: "api", lines, follow: false };
      for await (const line of store.read(query, new AbortController().signal))
        found.push(`${line.index} ${line.message}`);
      return found;
    };
    for (let round = 0; round < 3; round++) {
      for (const index of [1, 0]) {
        write(index, `round ${round}\n    at more\n`);
        utimesSync(store.pathOf("api", index), now / 1000, now / 1000);
        await ask(1);
        now += 1000;
      }
    }
    expect((await ask(100)).filter((line) => line.includes("round"))).toEqual([
      "1 round 0",
      "0 round 0",
      "1 round 1",
      "0 round 1",
      "1 round 2",
      "0 round 2",
    ]);
    expect(await ask(3)).toEqual(["1     at more", "0 round 2", "0     at more"]);
    store.close();
  });
});
