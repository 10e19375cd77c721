import type { TObject, TSchema } from "typebox";
import { misfitOf } from "../../api/misfit-of.ts";
import { VelosError } from "../../domain/errors.ts";

/** The parameters of a query by their schema, which also says what is a number and what is true or false. */
export const readQuery = (schema: TObject | undefined, written: Readonly<Record<string, unknown>>): unknown => {
  const properties = (schema?.properties ?? {}) as Record<string, TSchema & { type?: string }>;
  const read: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(written)) {
    const form = Object.hasOwn(properties, name) ? properties[name]! : undefined;
    if (!form) throw wrong(`/${name}`, `there is no parameter '${name.slice(0, 60)}' here`);
    if (typeof value !== "string") throw wrong(`/${name}`, `${name} is given more than once`);
    read[name] = readText(form.type, value);
  }
  if (schema) check(schema, read, "the parameter");
  return read;
};

/** Text as the type that the schema has; one that is none is left as it is, and found by the check. */
const readText = (type: string | undefined, text: string): unknown => {
  if ((type === "integer" || type === "number") && /^-?\d{1,16}(?:\.\d{1,9})?$/.test(text)) return Number(text);
  if (type === "boolean" && /^(?:1|0|true|false)$/.test(text)) return text === "1" || text === "true";
  return text;
};

/** @throws VelosError MESSAGE_INVALID with the JSON pointer of what is wrong */
export const check = (schema: TSchema, value: unknown, what: string): void => {
  const misfit = misfitOf(schema, value);
  if (!misfit) return;
  const { pointer, why } = misfit;
  throw wrong(pointer, `${what}${pointer === "" ? "" : ` ${pointer}`} ${why}`);
};

const wrong = (pointer: string, why: string): VelosError =>
  new VelosError("MESSAGE_INVALID", { why, pointer: pointer.slice(0, 200), hint: "/docs says what is taken" });
