import type { Series } from "../../fleet/history.ts";

const BARS = "▁▂▃▄▅▆▇█";

/** A figure of the last seconds as a line of bars; a blank where it was not known. The top is `atLeast`, or the most. */
export const sparkline = (series: Series, width: number, atLeast: number): string => {
  const shown = series.slice(-width);
  const top = Math.max(atLeast, ...shown.map((value) => value ?? 0));
  const bars = shown.map((value) =>
    value === null ? " " : BARS[Math.min(BARS.length - 1, Math.floor((value / top) * BARS.length))]!,
  );
  return bars.join("").padStart(width);
};
