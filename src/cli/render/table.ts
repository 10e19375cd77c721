export interface Column {
  title: string;
  align?: "left" | "right";
  /** A column that may be cut when the table is too wide; the first such column gives way first. */
  shrink?: boolean;
}

export interface Cell {
  text: string;
  paint?: (text: string) => string;
}

/** Columns are found by eye in 80 characters; a wider terminal is used. */
export const DEFAULT_WIDTH = 80;

const cut = (text: string, width: number): string =>
  text.length <= width ? text : width <= 1 ? text.slice(0, width) : `${text.slice(0, width - 1)}…`;

/** Draws a table that fits the width: two blanks between columns, a title line, no rules. */
export const renderTable = (
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
  paintTitle: (text: string) => string,
): string => {
  const widths = columns.map((column, position) =>
    Math.max(column.title.length, ...rows.map((row) => row[position]?.text.length ?? 0)),
  );
  const total = (): number => widths.reduce((sum, one) => sum + one, 0) + 2 * (widths.length - 1);
  for (const [position, column] of columns.entries()) {
    const excess = total() - width;
    if (excess <= 0) break;
    if (column.shrink) widths[position] = Math.max(6, widths[position]! - excess);
  }
  const line = (cells: readonly Cell[]): string =>
    cells
      .map(({ text, paint }, position) => {
        const column = columns[position]!;
        const fitted = cut(text, widths[position]!);
        const padded =
          column.align === "right"
            ? fitted.padStart(widths[position]!)
            : position === columns.length - 1
              ? fitted
              : fitted.padEnd(widths[position]!);
        return paint ? paint(padded) : padded;
      })
      .join("  ")
      .trimEnd();
  return [line(columns.map(({ title }) => ({ text: title, paint: paintTitle }))), ...rows.map(line)].join("\n");
};
