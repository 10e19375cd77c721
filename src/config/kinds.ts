import { resolve } from "node:path";
import { VelosError } from "../domain/errors.ts";
import { signalName } from "../domain/signal-name.ts";
import { formatDuration, MAX_DURATION_MS, parseDuration } from "./duration.ts";
import { Misfit } from "./misfit.ts";
import { formatSize, parseSize } from "./size.ts";

/** What a value is read with. */
export interface ReadContext {
  /** Absolute directory that relative paths start from. */
  baseDir: string;
  /** `flags`: numbers and lists arrive as text. `json`: as from TOML, integers as bigints too. */
  form: "toml" | "flags" | "json";
}

/** A fragment of JSON Schema: what a value looks like, roughly; `read` decides. */
export type JsonShape = Readonly<Record<string, unknown>>;

/** One kind of value: reads what was written, and says what it expects, for errors and for documentation. */
export interface Kind<T> {
  /** Completes "should be …". */
  readonly expects: string;
  /** For OpenAPI and for tools of agents. */
  readonly json: JsonShape;
  /** @throws Misfit */
  read(value: unknown, context: ReadContext): T | Promise<T>;
}

/** A text that a program can be given; may be empty. */
export const checkText = (value: unknown): string => {
  if (typeof value !== "string") throw new Misfit();
  if (value.includes("\0")) throw new Misfit("it contains a NUL character, which no program can be given");
  return value;
};

/** A whole number of TOML (where integers arrive as bigints), of JSON, or the text of a flag; undefined for anything else. */
export const wholeNumber = (value: unknown, { form }: ReadContext): number | undefined => {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "number") return Number.isSafeInteger(value) ? value : undefined;
  if (form === "flags" && typeof value === "string" && /^[+-]?\d{1,15}$/.test(value)) return Number(value);
  return undefined;
};

/** What `parse` makes of a text; a plain number counts as one in the smallest unit. */
const measure = (value: unknown, parse: (text: string) => number | undefined, least: number, most: number): number => {
  const known = typeof value === "string" || typeof value === "bigint" || typeof value === "number";
  const number = known ? parse(String(value)) : undefined;
  if (number === undefined || number < least || number > most) throw new Misfit();
  return number;
};

const fullText = (value: unknown): string => {
  const read = checkText(value);
  if (read === "") throw new Misfit();
  return read;
};

/** Text that is not empty. */
export const text = (expects: string): Kind<string> => ({
  expects,
  json: { type: "string", minLength: 1 },
  read: fullText,
});

/** A path, absolute after reading. */
export const path = (expects: string): Kind<string> => ({
  expects,
  json: { type: "string", minLength: 1 },
  read: (value, { baseDir }) => resolve(baseDir, fullText(value)),
});

export const flag: Kind<boolean> = {
  expects: "true or false",
  json: { type: "boolean" },
  read: (value, { form }) => {
    if (typeof value === "boolean") return value;
    if (form === "flags" && (value === "true" || value === "false")) return value === "true";
    throw new Misfit();
  },
};

export const integer = (least: number, most: number): Kind<number> => ({
  expects: `a whole number from ${least} to ${most}`,
  json: { type: "integer", minimum: least, maximum: most },
  read: (value, context) => {
    const number = wholeNumber(value, context);
    if (number === undefined || number < least || number > most) throw new Misfit();
    return number;
  },
});

/** Milliseconds, at most MAX_DURATION_MS. */
export const duration = (leastMs = 0): Kind<number> => ({
  expects: `a duration from ${formatDuration(leastMs)} to ${formatDuration(MAX_DURATION_MS)}`,
  json: { type: ["string", "integer"], description: "a number is in milliseconds" },
  read: (value) => measure(value, parseDuration, leastMs, MAX_DURATION_MS),
});

/** Bytes, at most 1024T. */
export const size = (leastBytes: number): Kind<number> => ({
  expects: `a size of at least ${formatSize(leastBytes)}`,
  json: { type: ["string", "integer"], description: "a number is in bytes" },
  read: (value) => measure(value, parseSize, leastBytes, 1024 ** 5),
});

/** Of one processor: 150 is one and a half. */
export const cpuPercent: Kind<number> = {
  expects: "a percentage of one processor from 1% to 100000%",
  json: { type: "string" },
  read: (value) => {
    const match = typeof value === "string" ? /^(\d{1,6}(?:\.\d{1,2})?) ?%$/.exec(value.trim()) : null;
    const percent = Number(match?.[1]);
    if (!match || percent < 1 || percent > 100_000) throw new Misfit();
    return percent;
  },
};

export const oneOf = <T extends string>(...choices: T[]): Kind<T> => ({
  expects: choices.map((choice) => JSON.stringify(choice)).join(" or "),
  json: { type: "string", enum: choices },
  read: (value) => {
    const choice = choices.find((name) => name === value);
    if (choice === undefined) throw new Misfit();
    return choice;
  },
});

/** A signal that this system knows, by name or number; read as `SIGTERM`. */
export const signal: Kind<string> = {
  expects: "the name of a signal",
  json: { type: ["string", "integer"] },
  read: (value) => {
    if (typeof value !== "string" && typeof value !== "bigint") throw new Misfit();
    try {
      return signalName(String(value));
    } catch (error) {
      throw error instanceof VelosError ? new Misfit() : error;
    }
  },
};
