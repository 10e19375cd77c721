import { constants } from "node:os";
import { VelosError } from "./errors.ts";

/**
 * The full name of a signal given as `SIGHUP`, `hup` or `1`.
 * @throws VelosError USAGE for what is not a signal of this system
 */
export const signalName = (text: string): string => {
  const signals = constants.signals as Record<string, number>;
  const number = /^\d+$/.test(text) ? Number(text) : undefined;
  const upper = text.toUpperCase();
  const name = Object.keys(signals).find((known) =>
    number === undefined ? known === upper || known === `SIG${upper}` : signals[known] === number,
  );
  if (name === undefined)
    throw new VelosError("USAGE", { why: `'${text}' is not a signal`, hint: "write SIGHUP, HUP or 1" });
  return name;
};
