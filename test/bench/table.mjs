const number = (value, unit) => {
  if (value === undefined) return "";
  const digits = Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${unit ? ` ${unit}` : ""}`;
};

const cells = (row) => [
  row.name,
  number(row.velos, row.unit),
  number(row.pm2, row.unit),
  number(row.plain, row.unit),
  row.ratio === undefined ? "" : row.ratio.toFixed(2),
  row.ahead ?? "",
  row.limit ? `${row.limit.holds ? "holds" : "MISSED"}: ${row.limit.text}` : "",
];

/** The rows as text, numbers right-aligned. */
export const tableText = (rows, about) => {
  const lines = [["", "velos", `pm2 ${about.pm2}`, "plain", "ratio", "ahead", "promise"], ...rows.map(cells)];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const text = lines.map((line) =>
    line
      .map((cell, column) => (column >= 1 && column <= 4 ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join("  ")
      .trimEnd(),
  );
  return [
    ...text,
    "",
    `velos ${about.velos}, node ${about.node}, ${about.processors} processors, load ${about.load.before[0].toFixed(1)} to ${about.load.after[0].toFixed(1)}`,
  ].join("\n");
};
