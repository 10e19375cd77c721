import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { logPage } from "../../src/api/log-page.ts";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { Controller } from "../../src/controller/controller.ts";
import { specOf as spec } from "../domain/spec.ts";

let directory: string;
let controller: Controller;
const world = new MemoryWorld();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "velos-page-"));
  controller = new Controller({ backend: new MemoryBackend(world), stateDirectory: directory });
  await controller.open();
  for (const name of ["api", "web"]) await controller.commands.start(spec({ name }), undefined);
});
afterEach(async () => {
  await controller.commands.delete(["all"]);
  await controller.close();
  await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
});

const write = (app: string, from: number, to: number): void => {
  for (let n = from; n < to; n++) world.log.write(app, 0, `line ${n}`, n);
};

const texts = ({ lines }: { lines: { message: string }[] }): string[] => lines.map(({ message }) => message);

it("reads on from a cursor without a gap or a repeat, also when nothing was new", async () => {
  write("api", 0, 30);
  const first = await logPage(controller, { selectors: ["api"], lines: 10 });
  expect(texts(first)[0]).toBe("line 20");
  write("api", 30, 55);
  const seen: string[] = [];
  let { cursor } = first;
  for (let page = 0; page < 5; page++) {
    const next = await logPage(controller, { selectors: ["api"], lines: 10, cursor: cursor! });
    seen.push(...texts(next));
    cursor = next.cursor;
    expect(next.truncated).toBe(false);
  }
  expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => `line ${30 + n}`));
  expect(first.lines[0]).not.toHaveProperty("place");
});

it("merges the logs of several apps by time, without a cursor", async () => {
  write("api", 0, 3);
  write("web", 1, 5);
  const page = await logPage(controller, { selectors: ["all"], lines: 4 });
  expect(page.lines.map(({ app, message }) => `${app} ${message}`)).toEqual([
    "api line 2",
    "web line 2",
    "web line 3",
    "web line 4",
  ]);
  expect(page.cursor).toBeUndefined();
});

it("refuses cursors that are not its own, and patterns that are none", async () => {
  write("api", 0, 3);
  const { cursor } = await logPage(controller, { selectors: ["api"] });
  const forged = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const wrong = [
    { selectors: ["web"], cursor: cursor! },
    { selectors: ["all"], cursor: cursor! },
    { selectors: ["api"], cursor: "" },
    { selectors: ["api"], cursor: "%%%" },
    { selectors: ["api"], cursor: forged({}) },
    { selectors: ["api"], cursor: forged({ app: "api", at: 1, places: { "0": "x; rm" } }) },
    { selectors: ["api"], cursor: forged({ app: "api", at: 1, places: {} }) },
  ];
  for (const params of wrong)
    await expect(logPage(controller, params)).rejects.toMatchObject({ code: "CURSOR_INVALID" });
  for (const grep of ["(", "(?=a)b", "(a)\\1"])
    await expect(logPage(controller, { selectors: ["api"], grep })).rejects.toMatchObject({ code: "USAGE" });
});

it("a pattern that would take a backtracking engine for ever takes no time", async () => {
  world.log.write("api", 0, `${"a".repeat(5000)}!`, 1);
  expect(texts(await logPage(controller, { selectors: ["api"], grep: "(a+)+$" }))).toEqual([]);
  expect(texts(await logPage(controller, { selectors: ["api"], grep: "(a|aa)+!" }))).toHaveLength(1);
});

it("gives as much as fits into a message, and says that it is not all", async () => {
  for (let n = 0; n < 40; n++) world.log.write("api", 0, `${n} ${"x".repeat(240_000)}`, n);
  world.log.write("api", 0, "y".repeat(300_000), 41);
  const last = await logPage(controller, { selectors: ["api"], lines: 100 });
  expect(last.truncated).toBe(true);
  expect(last.lines.at(-1)!.message).toHaveLength(250_001);
  expect(Buffer.byteLength(JSON.stringify(last))).toBeLessThan(7_000_000);
  const start = await logPage(controller, { selectors: ["api"], lines: 1, until: 0 });
  const next = await logPage(controller, { selectors: ["api"], lines: 100, cursor: start.cursor! });
  expect(next.lines[0]!.message.startsWith("1 ")).toBe(true);
  expect(next.truncated).toBe(true);
  const after = await logPage(controller, { selectors: ["api"], lines: 1, cursor: next.cursor! });
  expect(after.lines[0]!.message.startsWith(`${next.lines.length + 1} `)).toBe(true);
});
