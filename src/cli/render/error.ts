import { VelosError } from "../../domain/errors.ts";
import { Interrupted } from "../interrupt.ts";
import type { Terminal } from "../terminal.ts";
import { createStyle } from "./style.ts";

/** An error as answers have it. */
export interface ErrorJson {
  code: string;
  message: string;
  hint?: string;
  details: VelosError["details"];
}

export const errorJson = (error: unknown): ErrorJson => {
  const { code, message, hint, details } = read(error);
  return { code, message, ...(hint && { hint }), details };
};

/**
 * Says what went wrong, and returns the exit code. One line, and a hint below it; a bug shows its stack.
 * @param app that it is about, where the command is about several
 */
export const printError = (error: unknown, terminal: Terminal, json: boolean, app?: string): number => {
  const { message: text, hint, exitCode, stack } = read(error);
  const message = app === undefined || text.split(/[\s:]/).includes(app) ? text : `${app}: ${text}`;
  if (json) {
    terminal.stdout.write(`${JSON.stringify({ error: errorJson(error) }, null, 2)}\n`);
    if (stack !== undefined) terminal.stderr.write(`${stack}\n`);
    return exitCode;
  }
  const style = createStyle({ stdout: terminal.stderr, env: terminal.env });
  terminal.stderr.write(`${style.red("velos:")} ${stack ?? message}\n`);
  if (hint) terminal.stderr.write(`${style.dim(`  ${hint}`)}\n`);
  return exitCode;
};

interface Failure {
  code: string;
  message: string;
  hint: string;
  details: VelosError["details"];
  exitCode: number;
  stack?: string;
}

const read = (error: unknown): Failure => {
  if (isVelosError(error)) {
    const { code, message, hint, details, exitCode } = error;
    return { code, message, hint, details, exitCode };
  }
  if (error instanceof Interrupted) {
    return { code: "INTERRUPTED", message: error.message, hint: "", details: {}, exitCode: error.exitCode };
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: "INTERNAL", message, hint: "", details: {}, exitCode: 1, stack: stack ?? message };
};

/** By name as well: what `velos start` loads is a bundle with a class of its own. */
const isVelosError = (error: unknown): error is VelosError =>
  error instanceof VelosError || (error instanceof Error && error.name === "VelosError");
