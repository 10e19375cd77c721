import type { Kind } from "./kinds.ts";
import { checkText, text } from "./kinds.ts";
import { Misfit, showValue } from "./misfit.ts";
import { splitWords, WordsError } from "./words.ts";

const TEXTS = { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] };

/** A list of texts; a single text is split into words as a shell would. */
export const words: Kind<string[]> = {
  expects: "an array of texts, or one text that is split into words",
  json: TEXTS,
  read: (value) => {
    if (Array.isArray(value)) return value.map((word, index) => eachText(word, index));
    try {
      return splitWords(checkText(value));
    } catch (error) {
      if (!(error instanceof WordsError)) throw error;
      throw new Misfit(`it ${error.message}`, { hint: "quote it, write an array, or run a shell: sh -c '…'" });
    }
  },
};

/** Like `words`, with at least one: a program and its arguments. */
export const commandWords: Kind<string[]> = {
  expects: "an array of texts: a program and its arguments",
  json: TEXTS,
  read: async (value, context) => {
    const read = await words.read(value, context);
    if (read[0] === undefined || read[0] === "") throw new Misfit();
    return read;
  },
};

const eachText = (value: unknown, index: number): string => {
  if (typeof value === "string") return checkText(value);
  throw new Misfit(undefined, { path: [index] });
};

/** A list; a single value stands for a list of one. */
export const list = <T>(expects: string, item: Kind<T>): Kind<T[]> => ({
  expects,
  json: { anyOf: [item.json, { type: "array", items: item.json }] },
  read: async (value, context) => {
    if (!Array.isArray(value)) return [await item.read(value, context)];
    const read: T[] = [];
    for (const [index, member] of value.entries()) {
      try {
        read.push(await item.read(member, context));
      } catch (error) {
        if (!(error instanceof Misfit)) throw error;
        throw new Misfit(error.why ?? `each should be ${item.expects}, not ${showValue(member)}`, {
          path: [index, ...error.path],
        });
      }
    }
    return read;
  },
});

/** True, or a list of paths as written. */
export const watchList: Kind<boolean | string[]> = {
  expects: "true, or an array of paths",
  json: { anyOf: [{ type: "boolean" }, TEXTS] },
  read: (value, context) => (typeof value === "boolean" ? value : list("", text("a path")).read(value, context)),
};
