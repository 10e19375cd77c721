import { VelosError } from "../../domain/errors.ts";
import type { Terminal } from "../terminal.ts";
import { createStyle } from "./style.ts";

/** Says what went wrong, and returns the exit code. One line, and a hint below it; a bug shows its stack. */
export const printError = (error: unknown, terminal: Terminal, json: boolean): number => {
  const style = createStyle({ stdout: terminal.stderr, env: terminal.env });
  if (!(error instanceof VelosError)) {
    terminal.stderr.write(`velos: ${(error as Error).stack ?? String(error)}\n`);
    return 1;
  }
  if (json) {
    const { code, message, hint, details } = error;
    terminal.stdout.write(`${JSON.stringify({ error: { code, message, ...(hint && { hint }), details } }, null, 2)}\n`);
    return error.exitCode;
  }
  terminal.stderr.write(`${style.red("velos:")} ${error.message}\n`);
  if (error.hint) terminal.stderr.write(`${style.dim(`  ${error.hint}`)}\n`);
  return error.exitCode;
};
