export interface Column {
  title: string;
  align?: "left" | "right";
  /** Gives way, down to this width, when the table is too wide. */
  shrinkTo?: number;
  /** Left out when the table is too wide all the same: the highest first. */
  expendable?: number;
}

export interface Cell {
  text: string;
  paint?: (text: string) => string;
}

/** Columns are found by eye in 80 characters; a wider terminal is used. */
export const DEFAULT_WIDTH = 80;

const GAP = 2;

/** Cuts in the middle: the end of `a-very-long-name:12` tells the instances apart. */
export const cutMiddle = (text: string, width: number): string => {
  if (text.length <= width) return text;
  if (width <= 1) return text.slice(0, width);
  const tail = Math.min(Math.floor((width - 1) / 2), 8);
  return `${text.slice(0, width - 1 - tail)}…${text.slice(text.length - tail)}`;
};

/** Draws a table that fits the width: two blanks between columns, a title line, no rules. */
export const renderTable = (
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
  paintTitle: (text: string) => string,
): string => {
  const all = columns.map((column, position) => ({
    ...column,
    position,
    width: Math.max(column.title.length, ...rows.map((row) => row[position]?.text.length ?? 0)),
  }));
  const shown = fit(all, width);
  const line = (cells: readonly Cell[]): string =>
    shown
      .map(({ position, align, width: columnWidth }, at) => {
        const { text, paint } = cells[position]!;
        const fitted = cutMiddle(text, columnWidth);
        const isLast = at === shown.length - 1;
        const padded = align === "right" ? fitted.padStart(columnWidth) : isLast ? fitted : fitted.padEnd(columnWidth);
        return paint ? paint(padded) : padded;
      })
      .join(" ".repeat(GAP))
      .trimEnd();
  return [line(columns.map(({ title }) => ({ text: title, paint: paintTitle }))), ...rows.map(line)].join("\n");
};

type Fitted = Column & { position: number; width: number };

/** First columns give way, then they go, until the rest fits; the first one stays. */
const fit = (columns: readonly Fitted[], width: number): Fitted[] => {
  const excess = columns.reduce((sum, column) => sum + column.width, 0) + GAP * (columns.length - 1) - width;
  if (excess <= 0) return [...columns];
  let left = excess;
  const narrowed = columns.map((column) => {
    const give = Math.min(left, Math.max(0, column.width - (column.shrinkTo ?? column.width)));
    left -= give;
    return { ...column, width: column.width - give };
  });
  if (left <= 0 || columns.length === 1)
    return narrowed.map((one) => ({ ...one, width: Math.min(one.width, Math.max(1, width)) }));
  const least = columns.reduce((a, b) => ((b.expendable ?? 0) >= (a.expendable ?? 0) ? b : a));
  return fit(
    columns.filter((column) => column !== least),
    width,
  );
};
