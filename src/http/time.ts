import { VelosError } from "../domain/errors.ts";

/**
 * A moment as milliseconds since the epoch: that number itself, or a date as ISO 8601 writes it.
 * @throws VelosError MESSAGE_INVALID
 */
export const readTime = (text: string, parameter: string): number => {
  const at = /^\d{1,15}(?:\.\d{1,6})?$/.test(text) ? Number(text) : isDate(text) ? Date.parse(text) : NaN;
  if (Number.isFinite(at)) return at;
  throw new VelosError("MESSAGE_INVALID", {
    why: `${parameter} is not a time`,
    pointer: `/${parameter}`,
    hint: "write milliseconds since the epoch, or a date such as 2026-01-31T14:30:00Z",
  });
};

const isDate = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?$/.test(text);
