import type { TSchema } from "typebox";
import * as Value from "typebox/value";

/** What is wrong with a value, and where in it: a JSON pointer, empty for the value itself. */
export interface Misfit {
  pointer: string;
  /** `must be integer`, `must be one of "read", "operate"`; completes "… ". */
  why: string;
}

/** What of a value does not fit its schema, in the words that everybody is told it with; undefined when it fits. */
export const misfitOf = (schema: TSchema, value: unknown): Misfit | undefined => {
  if (Value.Check(schema, value)) return undefined;
  const errors = Value.Errors(schema, value);
  // Of a choice the deepest complaint is about the branch that was meant.
  const [first] = errors.toSorted((a, b) => b.instancePath.length - a.instancePath.length);
  const pointer = first?.instancePath ?? "";
  const here = errors.filter(({ instancePath }) => instancePath === pointer);
  const choices = here.flatMap((error) =>
    error.keyword === "const" ? [JSON.stringify(error.params.allowedValue)] : [],
  );
  // A choice of words complains once about each, and once about the choice.
  const isChoice = choices.length > 1 && here.every(({ keyword }) => keyword === "const" || keyword === "anyOf");
  return { pointer, why: isChoice ? `must be one of ${choices.join(", ")}` : (first?.message ?? "is not valid") };
};
