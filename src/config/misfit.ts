/** Where in a document a value stands: the keys and array indexes that lead to it. */
export type Path = readonly (string | number)[];

/**
 * Thrown by a kind whose value does not fit. `why` is absent where "should be <what the kind expects>" says it all;
 * `path` leads from the kind's own value to the part that is wrong; `part` tells whether its key or its value is.
 */
export class Misfit extends Error {
  readonly why: string | undefined;
  readonly hint: string | undefined;
  readonly path: Path;
  readonly part: "key" | "value";

  constructor(why?: string, options: { hint?: string; path?: Path; part?: "key" | "value" } = {}) {
    super(why ?? "the value does not fit");
    this.why = why;
    this.hint = options.hint;
    this.path = options.path ?? [];
    this.part = options.part ?? "value";
  }
}

/** A value for a message: short scalars as written, anything else by its kind. */
export const showValue = (value: unknown): string => {
  if (typeof value === "string")
    return value.length <= 60 ? JSON.stringify(value) : `${JSON.stringify(value.slice(0, 57))}…`;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return "an array";
  if (value instanceof Date) return "a date";
  return value === null ? "nothing" : "a table";
};
