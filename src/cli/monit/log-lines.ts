import { logText } from "../render/log-line.ts";
import type { Style } from "../render/style.ts";
import { cutToWidth } from "./cut.ts";
import type { Size } from "./draw.ts";
import type { MonitState } from "./state.ts";
import { selectedRow } from "./state.ts";

/** The newest lines of the selected app or instance, below a rule that says whose they are. */
export const logLines = ({ log, level, ...state }: MonitState, { columns, rows }: Size, style: Style): string[] => {
  const name = selectedRow({ ...state, log, level })?.name ?? "";
  const title = `── log of ${name}${level === undefined ? "" : `, ${level} and worse`} `;
  const rule = style.dim(cutToWidth(title.padEnd(columns, "─"), columns));
  const shown = log.lines.slice(-(rows - 1)).map((line) => {
    const prefix = `${line.app}:${line.index < 0 ? "?" : line.index} | `;
    const message = cutToWidth(line.message.replaceAll("\n", "⏎").replaceAll("\t", "  "), columns - prefix.length);
    return prefix.length < columns ? logText({ ...line, message }, style) : cutToWidth(prefix, columns);
  });
  return [rule, ...(shown.length > 0 ? shown : [style.dim(cutToWidth("nothing written yet", columns))])];
};
