import { showValue } from "../config/misfit.ts";
import type { Remark } from "./imported-app.ts";

/** A number, or a text that is nothing else: pm2 takes both, and its command line saves texts. Undefined for the rest. */
export const numberOf = (value: unknown): number | undefined => {
  const isNumeric = typeof value === "number" || (typeof value === "string" && value.trim() !== "");
  const number = isNumeric ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
};

/** Yes or no; as a text it is as clear. Undefined for the rest. */
export const booleanOf = (value: unknown): boolean | undefined => {
  if (value === true || value === "true") return true;
  return value === false || value === "false" ? false : undefined;
};

/** For pm2, null is as if nothing had been written. */
export const isWritten = (value: unknown): boolean => value !== undefined && value !== null;

/**
 * What `read` makes of a key's value. Of one that it can make nothing of there is a remark: a setting that goes without
 * a word is missed only when it is needed.
 */
export const readOrTell = <T>(
  key: string,
  value: unknown,
  read: (value: unknown) => T | undefined,
  expects: string,
  remarks: Remark[],
): T | undefined => {
  if (!isWritten(value)) return undefined;
  const result = read(value);
  if (result === undefined) remarks.push({ key, why: `left out: it should be ${expects}, not ${showValue(value)}` });
  return result;
};
