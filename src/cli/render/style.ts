import type { Terminal } from "../terminal.ts";

/** Colours, where they are wanted: each function returns its text as it is without a terminal. */
export interface Style {
  bold: (text: string) => string;
  dim: (text: string) => string;
  red: (text: string) => string;
  green: (text: string) => string;
  yellow: (text: string) => string;
  cyan: (text: string) => string;
  /** One of six colours, the same for the same number. */
  distinct: (text: string, number: number) => string;
}

/** True on a terminal that shows colours: NO_COLOR (no-color.org) and TERM=dumb turn them off, FORCE_COLOR on. */
export const hasColor = (terminal: Pick<Terminal, "stdout" | "env">): boolean => {
  const { env, stdout } = terminal;
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"]) return env["FORCE_COLOR"] !== "0";
  return stdout.isTTY === true && env["TERM"] !== "dumb";
};

export const createStyle = (terminal: Pick<Terminal, "stdout" | "env">): Style => {
  const on = hasColor(terminal);
  const wrap =
    (open: number, close: number) =>
    (text: string): string =>
      on ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  const distinct = [36, 33, 35, 32, 34, 96].map((code) => wrap(code, 39));
  return {
    bold: wrap(1, 22),
    dim: wrap(2, 22),
    red: wrap(31, 39),
    green: wrap(32, 39),
    yellow: wrap(33, 39),
    cyan: wrap(36, 39),
    distinct: (text, number) => distinct[number % distinct.length]!(text),
  };
};
