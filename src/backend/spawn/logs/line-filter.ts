import { VelosError } from "../../../domain/errors.ts";
import type { LogLevel } from "../../../domain/log-level.ts";
import { isAtLeast, levelOf } from "../../../domain/log-level.ts";
import type { LogQuery } from "../../backend.ts";

/** A line's level and message when the query asks for it by level and grep, else undefined. */
export type LineFilter = (text: string) => { level: LogLevel; message: string } | undefined;

/** @throws VelosError LOGS_UNAVAILABLE when `grep` is no regular expression */
export const lineFilter = (query: LogQuery): LineFilter => {
  const pattern = typeof query.grep === "string" ? compile(query.grep) : query.grep;
  return (text) => {
    // A carriage return before the line break belongs to it.
    const line = levelOf(text.endsWith("\r") ? text.slice(0, -1) : text);
    if (query.level !== undefined && !isAtLeast(line.level, query.level)) return undefined;
    return pattern === undefined || pattern.test(line.message) ? line : undefined;
  };
};

const compile = (grep: string): RegExp => {
  try {
    return new RegExp(grep, "u");
  } catch (error) {
    const why = `${JSON.stringify(grep)} is not a regular expression`;
    throw new VelosError("LOGS_UNAVAILABLE", { why, hint: (error as Error).message }, { cause: error });
  }
};
