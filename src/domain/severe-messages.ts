import type { LogLevel } from "./log-level.ts";
import { isAtLeast } from "./log-level.ts";

const ERROR = "err|severe|exception|fatal|panic|emerg|alert|crit|uncaught|unhandled|traceback";
const WARN = "warn|\\(node:";

/**
 * A pattern, without regard to case, that every message matches whose text makes it at least that severe by `levelOf`,
 * and of other messages few: for a log that has a fast search of its own, and levels only in its texts. The same in
 * JavaScript and in PCRE2. Undefined for levels that most messages have.
 */
export const severeMessages = (least: LogLevel): string | undefined => {
  if (!isAtLeast(least, "warn")) return undefined;
  const words = least === "warn" ? `^<[0-4]>|${ERROR}|${WARN}` : `^<[0-3]>|${ERROR}`;
  // Levels as numbers, of pino and bunyan: 40 and more, or 50 and more; written in another way they are not told apart.
  const numbers = `[${least === "warn" ? 4 : 5}-9]\\d|\\d{3}|[-+\\d]*[.e]`;
  return `${words}|"(?:level|severity|log\\.level|lvl|levelname)"\\s*:\\s*(?:${numbers})`;
};
