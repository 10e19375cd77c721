import { VelosError } from "./errors.ts";

/** The most instances one app may have: a typing error must not fork a thousand processes. */
export const MAX_INSTANCES = 1000;

/** How many instances are asked for: a number, a difference to what is there, or one per processor. */
export type Quantity = { kind: "exact"; count: number } | { kind: "change"; by: number } | { kind: "max" };

const fail = (value: string, why: string): never => {
  throw new VelosError("QUANTITY_INVALID", { value, why, limit: MAX_INSTANCES });
};

/**
 * Parses `4`, `+2`, `-1` and `max`. With `allowChange` false (`start -i`), `+2` and `-1` are errors.
 * @throws VelosError QUANTITY_INVALID
 */
export const parseQuantity = (text: string, allowChange = true): Quantity => {
  const value = text.trim();
  if (value === "max") return { kind: "max" };
  const match = /^([+-]?)(\d+)$/.exec(value);
  if (!match) return fail(text, "it is neither a number nor max");
  const count = Number(match[2]);
  if (match[1] !== "" && match[1] !== undefined) {
    if (!allowChange) return fail(text, "a new app needs a number, not a difference");
    if (count === 0) return fail(text, "it changes nothing");
    if (count > MAX_INSTANCES) return fail(text, `${MAX_INSTANCES} is the limit`);
    return { kind: "change", by: match[1] === "+" ? count : -count };
  }
  if (count < 1) return fail(text, "an app has at least one instance; `velos stop` stops it");
  if (count > MAX_INSTANCES) return fail(text, `${MAX_INSTANCES} is the limit`);
  return { kind: "exact", count };
};

/** The quantity as it is written: `4`, `+2`, `-1`, `max`. */
export const quantityText = (quantity: Quantity): string => {
  if (quantity.kind === "max") return "max";
  if (quantity.kind === "exact") return String(quantity.count);
  return quantity.by > 0 ? `+${quantity.by}` : String(quantity.by);
};

/**
 * The instance count that a quantity leads to.
 * @throws VelosError QUANTITY_INVALID when it would be below 1 or above MAX_INSTANCES
 */
export const applyQuantity = (quantity: Quantity, current: number, processors: number): number => {
  switch (quantity.kind) {
    case "exact":
      return quantity.count;
    case "max":
      return Math.max(1, Math.min(processors, MAX_INSTANCES));
    case "change": {
      const count = current + quantity.by;
      const text = quantityText(quantity);
      if (count < 1) return fail(text, `there are ${current}, and an app has at least one; \`velos stop\` stops it`);
      if (count > MAX_INSTANCES) return fail(text, `there are ${current}, and ${MAX_INSTANCES} is the limit`);
      return count;
    }
  }
};
