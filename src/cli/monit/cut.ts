import stringWidth from "string-width";

const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The beginning of a line that fits so many columns of a terminal; `…` where something was left out. */
export const cutToWidth = (line: string, columns: number): string => {
  // A line may be a megabyte, and no more of it than this can be seen.
  const head = line.slice(0, columns * 8);
  if (head.length === line.length && stringWidth(head) <= columns) return line;
  let text = "";
  let used = 0;
  for (const { segment } of segments.segment(head)) {
    const width = stringWidth(segment);
    if (used + width > columns - 1) break;
    text += segment;
    used += width;
  }
  return columns < 1 ? "" : `${text}…`;
};
