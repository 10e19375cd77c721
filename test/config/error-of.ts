import { VelosError } from "../../src/domain/errors.ts";

/** Code, message and hint of the VelosError that something fails with: each of them one line. */
export const errorOf = async (attempt: Promise<unknown>): Promise<[code: string, message: string, hint: string]> => {
  const error = await attempt.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof VelosError)) throw error;
  if (`${error.message}${error.hint}`.includes("\n")) throw new Error(`more than one line: ${error.message}`);
  return [error.code, error.message, error.hint];
};
