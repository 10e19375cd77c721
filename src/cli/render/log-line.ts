import type { LogLine } from "../../backend/backend.ts";
import type { Style } from "./style.ts";

/** `api:2 | text`, the prefix in the instance's colour, severe lines in theirs. */
export const logText = (line: LogLine, style: Style): string => {
  const prefix = style.distinct(`${line.app}:${line.index < 0 ? "?" : line.index} |`, Math.max(0, line.index));
  const paint =
    line.level === "error" || line.level === "fatal"
      ? style.red
      : line.level === "warn"
        ? style.yellow
        : (text: string) => text;
  return `${prefix} ${paint(line.message)}`;
};
