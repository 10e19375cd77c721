import type { JSX } from "preact";
import type { Series } from "../../fleet/history.ts";

const WIDTH = 60;
const HEIGHT = 16;

interface Props {
  series: Series;
  /** What stands at the top: the greatest value at least. */
  atLeast: number;
}

/** The last minute of a figure as a line. What it shows is beside it as a number, so it is not read aloud. */
export const Sparkline = ({ series, atLeast }: Props): JSX.Element => {
  const top = Math.max(atLeast, ...series.map((value) => value ?? 0));
  let path = "";
  let pen = "M";
  for (const [at, value] of series.entries()) {
    if (value === null) {
      pen = "M";
      continue;
    }
    const x = WIDTH - (series.length - 1 - at);
    path += `${pen}${x} ${(HEIGHT - 1 - (value / top) * (HEIGHT - 2)).toFixed(1)}`;
    pen = "L";
  }
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={path} />
    </svg>
  );
};
