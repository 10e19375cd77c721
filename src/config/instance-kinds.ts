import { VelosError } from "../domain/errors.ts";
import type { Quantity } from "../domain/quantity.ts";
import { MAX_INSTANCES, parseQuantity } from "../domain/quantity.ts";
import type { Kind } from "./kinds.ts";
import { wholeNumber } from "./kinds.ts";
import { Misfit } from "./misfit.ts";

/** How many instances: a number or `max`. */
export const instanceCount: Kind<Quantity> = {
  expects: `a number from 1 to ${MAX_INSTANCES}, or max`,
  json: { type: ["integer", "string"] },
  read: (value, context) => {
    const number = wholeNumber(value, context);
    if (number === undefined && typeof value !== "string") throw new Misfit();
    try {
      return parseQuantity(number === undefined ? (value as string) : String(number), false);
    } catch (error) {
      if (!(error instanceof VelosError)) throw error;
      throw new Misfit(error.message, { hint: `write a number from 1 to ${MAX_INSTANCES}, or max` });
    }
  },
};

/** A number of instances or a share of them: 1, or "25%". */
export const instanceShare: Kind<number | string> = {
  expects: 'a number of instances, or a percentage such as "25%"',
  json: { type: ["integer", "string"] },
  read: (value, context) => {
    const number = wholeNumber(value, context);
    if (number !== undefined && number >= 0 && number <= MAX_INSTANCES) return number;
    if (typeof value !== "string" || !/^(?:100|\d{1,2})%$/.test(value)) throw new Misfit();
    return value;
  },
};
