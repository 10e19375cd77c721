import type { LogLine } from "../../../src/backend/backend.ts";
import { expect, test } from "vitest";
import type { ContractContext } from "../contract.ts";
import { firstMessages, takeLines } from "../harness.ts";

/** Output, past and to come. */
export const logContract = (context: ContractContext): void => {
  const lines = ["one", '{"level":50,"msg":"two"}', "WARN three", "four \u00e9\u{1f600}"];

  test("the last lines that match are given, oldest first", async () => {
    await context.start({ does: "print", lines });
    const { backend } = context.watched;
    const { app } = context;
    expect(await firstMessages(backend, app, 4)).toEqual(lines);
    const signal = new AbortController().signal;
    const query = async (more: object): Promise<string[]> => {
      const found: string[] = [];
      for await (const line of backend.logs({ app, lines: 100, follow: false, ...more }, signal))
        found.push(line.message);
      return found;
    };
    expect(await query({})).toEqual(lines);
    expect(await query({ lines: 2 })).toEqual(lines.slice(2));
    expect(await query({ lines: 1, level: "warn" })).toEqual(["WARN three"]);
    expect(await query({ level: "error" })).toEqual([lines[1]]);
    expect(await query({ grep: "^(one|four)" })).toEqual(["one", lines[3]]);
    expect(await query({ index: 1 })).toEqual([]);
    expect(await query({ since: Date.now() + 60_000 })).toEqual([]);
    expect(await query({ until: Date.now() - 60_000 })).toEqual([]);
    expect(await query({ since: Date.now() - 60_000 })).toEqual(lines);
  });

  test("each line has a place, from which reading goes on, one page after the other", async () => {
    const many = Array.from({ length: 25 }, (_, at) => `${at % 5 === 0 ? "ERROR" : "line"} ${at}`);
    await context.start({ does: "print", lines: many });
    const { backend } = context.watched;
    const { app } = context;
    await firstMessages(backend, app, 25);
    const signal = new AbortController().signal;
    const read = async (more: object): Promise<LogLine[]> => {
      const found: LogLine[] = [];
      for await (const line of backend.logs({ app, lines: 10, follow: false, ...more }, signal)) found.push(line);
      return found;
    };
    const after = ({ at, place }: LogLine) => ({ after: { at, places: [place!] } });
    const all = await read({ lines: 100 });
    expect(new Set(all.map(({ place }) => place)).size).toBe(25);
    expect(await takeLines(backend, { app, lines: 25, follow: true }, 25)).toEqual(all);
    const texts = async (more: object) => (await read(more)).map(({ message }) => message);
    expect(await texts(after(all[4]!))).toEqual(many.slice(5, 15));
    expect(await texts(after(all[14]!))).toEqual(many.slice(15, 25));
    expect(await texts(after(all[24]!))).toEqual([]);
    expect(await texts({ ...after(all[0]!), level: "error", lines: 2 })).toEqual([many[5], many[10]]);
    await expect(read({ after: { at: 0, places: ["nothing\n; --file=/etc/passwd"] } })).rejects.toMatchObject({
      code: "CURSOR_INVALID",
    });
  });

  test("a line says when, where from and how severe", async () => {
    await context.start({ does: "print", lines: ["<3>broken"] }, {}, 1, 2);
    const [line] = await takeLines(context.watched.backend, { app: context.app, lines: 10, follow: true }, 1);
    expect(line).toMatchObject({ app: context.app, index: 1, level: "error", message: "broken" });
    expect(Math.abs(line!.at / 1000 - Date.now())).toBeLessThan(10_000);
  });

  test("following gives what comes, of instances to come as well, until it is ended", async () => {
    await context.start({ does: "print", lines: ["from 0"] }, {}, 0, 2);
    await firstMessages(context.watched.backend, context.app, 1);
    const following = takeLines(context.watched.backend, { app: context.app, lines: 1, follow: true }, 2);
    await context.start({ does: "print", lines: ["from 1"] }, {}, 1, 2);
    expect((await following).map(({ index, message }) => `${index} ${message}`)).toEqual(["0 from 0", "1 from 1"]);
  });

  test("what is logged outlives velosd", async () => {
    await context.start({ does: "print", lines: ["before"] });
    await firstMessages(context.watched.backend, context.app, 1);
    await context.replaceVelosd();
    expect(await firstMessages(context.watched.backend, context.app, 1)).toEqual(["before"]);
  });
};
