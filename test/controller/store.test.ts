import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { migrate, STORE_VERSION, storeSteps } from "../../src/controller/record-formats.ts";
import { Store } from "../../src/controller/store.ts";
import { fingerprint, healthDefaults } from "../../src/domain/app.ts";
import type { AppRecord } from "../../src/domain/record.ts";
import { parseSelector } from "../../src/domain/selector.ts";
import { specOf } from "../domain/spec.ts";

/** A file of each format there has been, as the velosd of that time wrote it. */
const formats = new URL("./formats/", import.meta.url).pathname;
const fileOf = (version: number): string => readFileSync(`${formats}${version}.json`, "utf8");

let directory: string;
let store: Store;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "velos-store-")), "apps");
  store = new Store(directory, join(directory, "noted"));
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true, force: true }));

/** Puts files into the store. */
const put = async (files: Record<string, string>): Promise<void> => {
  await store.load(0);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
};
const content = (): Record<string, string> =>
  Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), "utf8")]));

describe("an app of a name that a new one is no longer given", () => {
  it("is read, with what it is to do, and can be removed", async () => {
    await put({ "api-.json": fileOf(STORE_VERSION).replaceAll('"api"', '"api-"') });
    const { records, problems } = await store.load(0);
    expect(problems).toEqual([]);
    expect(records).toMatchObject([{ spec: { name: "api-" }, instances: 4, running: true }]);
    expect(parseSelector("api-:2")).toEqual({ kind: "instance", app: "api-", index: 2 });
    await store.remove("api-");
    expect(Object.keys(content())).not.toContain("api-.json");
  });
});

describe("the formats of the store", () => {
  it("have a file each, and a step from each to the next", () => {
    const known = readdirSync(formats).map((name) => Number.parseInt(name, 10));
    expect(known.sort((a, b) => a - b)).toEqual(Array.from({ length: STORE_VERSION }, (_, index) => index + 1));
    expect(Object.keys(storeSteps).map(Number)).toEqual(known.slice(0, -1));
  });

  it.each(Array.from({ length: STORE_VERSION }, (_, index) => index + 1))("are all read: %i", async (version) => {
    await put({ "api.json": fileOf(version) });
    const { records, problems } = await store.load(0);
    expect(problems).toEqual([]);
    const [record] = records as [AppRecord];
    expect(record).toMatchObject({ instances: 4, running: true, holds: { 2: { why: "command" } } });
    expect(record).not.toHaveProperty("version");
    // Whatever a spec must have is there, whenever the file was written.
    for (const spec of [record.spec, ...(record.previous ? [record.previous] : [])]) {
      expect(spec.env).toEqual({ PATH: "/usr/bin" });
      expect(Object.keys(spec)).toEqual(expect.arrayContaining(Object.keys(specOf())));
      expect(Object.keys(spec.rollout)).toEqual(expect.arrayContaining(Object.keys(specOf().rollout)));
    }
    // What is changed from then on is written in the newest format, and nothing is lost by that.
    await store.save(record);
    expect(JSON.parse(content()["api.json"]!)).toEqual({ version: STORE_VERSION, ...record });
    expect((await store.load(0)).records).toEqual([record]);
  });

  it("the newest is what is written, to the letter", async () => {
    const text = fileOf(STORE_VERSION);
    await put({ "api.json": text });
    const [record] = (await store.load(0)).records;
    await store.save(record!);
    expect(content()).toEqual({ "api.json": text });
    // A setting that every spec has now, and that a file of this format does not have, needs a new format.
    expect(Object.keys(record!.spec)).toEqual(expect.arrayContaining(Object.keys(specOf())));
  });

  it("need not know of overtaken updates; those that do keep each of them whole", async () => {
    await put({ "api.json": fileOf(STORE_VERSION) });
    const [record] = (await store.load(0)).records;
    expect(record).not.toHaveProperty("overtaken");
    const overtaken = [
      specOf({ args: ["2"], secretEnv: { PASSWORD: "hush" }, credentials: { key: { text: "hush" } } }),
      specOf({ args: ["3"], health: { ...healthDefaults, http: "/" } }),
    ];
    await store.save({ ...record!, overtaken });
    const [again] = (await store.load(0)).records;
    expect(again).toEqual({ ...record, overtaken });
    expect(again!.overtaken!.map(fingerprint)).toEqual(overtaken.map(fingerprint));
  });

  it("are gone through one after the other, from the one that a file has", () => {
    const steps = {
      1: (record: object) => ({ ...record, path: ["1"] }),
      2: (record: object) => ({ ...record, path: [...((record as { path?: string[] }).path ?? []), "2"] }),
    };
    expect(migrate({ name: "api" }, 1, steps, 3)).toEqual({ name: "api", path: ["1", "2"] });
    expect(migrate({ name: "api" }, 2, steps, 3)).toEqual({ name: "api", path: ["2"] });
    expect(migrate({ name: "api" }, 3, steps, 3)).toEqual({ name: "api" });
    for (const version of [0, -1, 0.5]) expect(() => migrate({}, version, steps, 3)).toThrow("there is no format");
  });
});

describe("a file of a newer format", () => {
  it("is refused by its name, and nothing in the store is touched", async () => {
    const files = {
      ".api.json.1.0.tmp": "half",
      "api.json": "{ half a fi",
      "old.json": fileOf(1).replace('"api"', '"old"'),
      "web.json": JSON.stringify({ version: STORE_VERSION + 1, spec: {} }),
    };
    await put(files);
    const refusal = await store.load(5).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: "STORE_TOO_NEW",
      message: `${directory}/web.json was written by a newer velos (format ${STORE_VERSION + 1}, this one knows ${STORE_VERSION})`,
    });
    expect((refusal as { hint: string }).hint).toContain("run the newer velos");
    expect(content()).toEqual(files);
    // Without it everything is as usual: the good one is read, the damaged one is moved aside.
    rmSync(join(directory, "web.json"));
    const { records, problems } = await store.load(5);
    expect(records.map(({ spec }) => spec.name)).toEqual(["old"]);
    expect(problems).toHaveLength(1);
    expect(Object.keys(content()).sort()).toEqual(["api.json.corrupt-5", "old.json"]);
  });
});

it.each([
  "",
  "null",
  "[]",
  "7",
  '{"version":"1"}',
  '{"version":0}',
  '{"version":1}',
  '{"version":1.5,"spec":{"name":"api"}}',
])("what is no record is moved aside and told of: %s", async (text) => {
  await put({ "api.json": text });
  const { records, problems } = await store.load(9);
  expect(records).toEqual([]);
  expect(problems).toEqual([
    expect.stringMatching(/api\.json is corrupt \(.+\) and was moved to .*api\.json\.corrupt-9$/),
  ]);
  expect(content()).toEqual({ "api.json.corrupt-9": text });
});

describe("a hold that is noted before it is saved", () => {
  const saved = { ...(JSON.parse(fileOf(STORE_VERSION)) as AppRecord), holds: {}, updatedAt: 1000 };
  const held = (at: number): AppRecord => ({ ...saved, holds: { 1: { why: "gave-up", at } } });
  const next = async (): Promise<AppRecord> =>
    (await new Store(directory, join(directory, "noted")).load(0)).records[0]!;

  beforeEach(async () => {
    await store.load(0);
    await store.save(saved);
  });

  it("is known to a velosd that comes before it is", async () => {
    store.note(held(2000));
    expect((await next()).holds).toEqual({ 1: { why: "gave-up", at: 2000 } });
    // It is so until something is saved, however many are killed.
    expect((await next()).holds).toEqual({ 1: { why: "gave-up", at: 2000 } });
  });

  it("is no longer once it was saved, or a record that knows of it", async () => {
    store.note(held(2000));
    await store.save({ ...saved, instances: 5 });
    expect((await next()).holds).toHaveProperty("1");
    await store.save(held(2000));
    await store.save(saved);
    expect((await next()).holds).toEqual({});
  });

  it("says nothing against a command that came later, nor of an app that was deleted", async () => {
    store.note(held(2000));
    const velosd = new Store(directory, join(directory, "noted"));
    await velosd.load(0);
    await velosd.save({ ...saved, updatedAt: 2001 });
    expect((await next()).holds).toEqual({});
    store.note(held(3000));
    await store.remove("api");
    await store.save(saved);
    expect((await next()).holds).toEqual({});
  });

  it("is nothing where the note was cut off or cannot be written", async () => {
    store.note(held(2000));
    writeFileSync(join(directory, "noted", "api.json"), '{"1":{"why');
    expect((await next()).holds).toEqual({});
    writeFileSync(join(directory, "file"), "");
    expect(() => new Store(directory, join(directory, "file")).note(held(2000))).not.toThrow();
  });
});
