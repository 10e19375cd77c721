import { expect, it } from "vitest";
import { parseTime } from "../../src/cli/time.ts";

const now = new Date(2026, 0, 31, 14, 30, 10).getTime();

it.each([
  ["now", now],
  ["10m", now - 600_000],
  ["10m ago", now - 600_000],
  ["-1h", now - 3_600_000],
  ["2 hours ago", now - 7_200_000],
  ["1 hour ago", now - 3_600_000],
  ["5 minutes ago", now - 300_000],
  ["30 sec", now - 30_000],
  ["3 days ago", now - 259_200_000],
  ["1week ago", now - 604_800_000],
  ["today", new Date(2026, 0, 31).getTime()],
  ["yesterday", new Date(2026, 0, 30).getTime()],
  ["14:20", new Date(2026, 0, 31, 14, 20).getTime()],
  ["2026-01-01", new Date(2026, 0, 1).getTime()],
])("%s is a time", (text, at) => {
  expect(parseTime(text, "--since", now)).toBe(at);
});

it.each(["soon", "2 horses ago", "5 months", "", "ago"])("'%s' is none", (text) => {
  expect(() => parseTime(text, "--since", now)).toThrow("is not a time");
});
