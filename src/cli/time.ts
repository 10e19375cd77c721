import { VelosError } from "../domain/errors.ts";

const UNITS: readonly (readonly [names: RegExp, ms: number])[] = [
  [/^s(?:ec(?:ond)?s?)?$/, 1000],
  [/^m(?:in(?:ute)?s?)?$/, 60_000],
  [/^h(?:r|ours?)?$/, 3_600_000],
  [/^d(?:ays?)?$/, 86_400_000],
  [/^w(?:eeks?)?$/, 604_800_000],
];

/**
 * A moment as people write it: `10m` or `2 hours ago` before now, `14:30` today, `yesterday`, `2026-01-31`,
 * `2026-01-31 14:30`, or a full timestamp. Returns milliseconds since the epoch.
 * @throws VelosError USAGE
 */
export const parseTime = (text: string, flag: string, now: number): number => {
  const span = /^-?(\d+(?:\.\d+)?)\s*([a-z]+)(?:\s+ago)?$/.exec(text.trim());
  const unit = span && UNITS.find(([names]) => names.test(span[2]!));
  if (unit) return now - Number(span[1]) * unit[1];
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text.trim());
  if (clock) return new Date(now).setHours(Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0), 0);
  if (text.trim() === "now") return now;
  if (text.trim() === "today") return new Date(now).setHours(0, 0, 0, 0);
  if (text.trim() === "yesterday")
    return new Date(new Date(now).setHours(0, 0, 0, 0)).setDate(new Date(now).getDate() - 1);
  // A date alone is midnight here, not in Greenwich.
  const local = /^\d{4}-\d{2}-\d{2}$/.test(text.trim())
    ? `${text.trim()}T00:00:00`
    : text.trim().replace(/^(\d{4}-\d{2}-\d{2}) /, "$1T");
  const at = /^\d{4}-\d{2}-\d{2}/.test(local) ? Date.parse(local) : Number.NaN;
  if (Number.isNaN(at))
    throw new VelosError("USAGE", {
      why: `${flag}: '${text}' is not a time`,
      hint: "write 10m, 2h, 14:30, yesterday, 2026-01-31 or 2026-01-31T14:30",
    });
  return at;
};
