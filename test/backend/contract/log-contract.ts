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
