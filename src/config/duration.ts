const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * The longest duration a setting may have, 24 days: a timer of Node takes at most 2³¹ − 1 ms (24.8 days) and fires at
 * once above that, which would turn a long delay into a busy loop.
 */
export const MAX_DURATION_MS = 24 * 86_400_000;

/**
 * Milliseconds of `5s`, `100ms`, `1.5s`, `1h30m`, `1h 30m` or a plain whole number of milliseconds, rounded to whole ones.
 * Undefined for anything else. Units: ms, s (sec), m (min), h, d.
 */
export const parseDuration = (text: string): number | undefined => {
  const value = text.trim();
  if (/^\d+$/.test(value)) return Number(value);
  if (!/^(?:\d+(?:\.\d+)?[a-z]+ ?)+$/.test(value)) return undefined;
  let total = 0;
  for (const [, number, unit] of value.matchAll(/(\d+(?:\.\d+)?)([a-z]+)/g)) {
    const factor = Object.hasOwn(UNIT_MS, unit!) ? UNIT_MS[unit!]! : undefined;
    if (factor === undefined) return undefined;
    total += Number(number) * factor;
  }
  return Math.round(total);
};

/** The shortest way to write a duration that `parseDuration` reads back: 5400000 is `1h30m`. */
export const formatDuration = (ms: number): string => {
  let rest = ms;
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"]) {
    const count = Math.floor(rest / UNIT_MS[unit]!);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * UNIT_MS[unit]!;
  }
  return text === "" ? "0" : text;
};
