import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Cron } from "croner";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { calendarExpressions } from "../../../src/backend/systemd/calendar.ts";

const exec = promisify(execFile);
const BASE = "2026-03-10 12:34:00 UTC";
const env = { ...process.env, TZ: "UTC" };

/** The next moments of calendar expressions, as systemd itself works them out; fewer when there are no more. */
const nextOfSystemd = async (expressions: readonly string[], count: number): Promise<number[]> => {
  const { stdout } = await exec(
    "systemd-analyze",
    ["calendar", `--base-time=${BASE}`, `--iterations=${count}`, ...expressions],
    { env },
  );
  const moments = [
    ...stdout.matchAll(
      /(?:Next elapse|Iter(?:ation|\.) #\d+|Iter\. #\d+): \w+ (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/g,
    ),
  ];
  return [...new Set(moments.map(([, day, time]) => Date.parse(`${day}T${time}Z`)))]
    .sort((a, b) => a - b)
    .slice(0, count);
};

const nextOfCron = (expression: string, count: number): number[] =>
  new Cron(expression, { timezone: "UTC", paused: true, legacyMode: true })
    .nextRuns(count, new Date(Date.parse("2026-03-10T12:34:00Z")))
    .map((moment) => moment.getTime());

/** @param stepped with `*\/2`: crons disagree on whether that restricts a day */
const field = (least: number, most: number, stepped = true): fc.Arbitrary<string> => {
  const value = fc.integer({ min: least, max: most });
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const parts = [
    value.map(String),
    range,
    fc.tuple(range, fc.integer({ min: 1, max: 4 })).map(([text, step]) => `${text}/${step}`),
    ...(stepped ? [fc.integer({ min: 1, max: 4 }).map((step) => `*/${step}`)] : []),
  ];
  return fc.oneof(
    fc.constant("*"),
    fc.array(fc.oneof(...parts), { minLength: 1, maxLength: 3 }).map((chosen) => chosen.join(",")),
  );
};

describe("calendarExpressions", () => {
  it.each([
    ["0 3 * * *", ["*-*-* 03:00:00"]],
    ["*/15 * * * *", ["*-*-* *:00,15,30,45:00"]],
    ["0 3 * * mon-fri", ["Mon,Tue,Wed,Thu,Fri *-*-* 03:00:00"]],
    ["0 0 1 jan *", ["*-01-01 00:00:00"]],
    ["0 0 13 * 5", ["*-*-13 00:00:00", "Fri *-*-* 00:00:00"]],
    ["30 6 * * 7", ["Sun *-*-* 06:30:00"]],
  ])("turns %s into %j", (expression, calendar) => {
    expect(calendarExpressions(expression)).toEqual(calendar);
  });

  it("names the moments that cron names, as systemd reads them", async () => {
    const expressions = fc
      .tuple(field(0, 59), field(0, 23), field(1, 28, false), field(1, 12), field(0, 6, false))
      .map((fields) => fields.join(" "));
    await fc.assert(
      fc.asyncProperty(expressions, async (expression) => {
        expect(await nextOfSystemd(calendarExpressions(expression), 3)).toEqual(nextOfCron(expression, 3));
      }),
      { numRuns: 60 },
    );
  });
});
