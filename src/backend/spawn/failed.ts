import { VelosError } from "../../domain/errors.ts";

/** The one error of this backend, where it is velosd itself that refuses: under launchd too. */
export const failed = (why: string, hint = "", cause?: unknown): VelosError =>
  new VelosError(...detailsOf(why, hint, cause));

/** A run that could not begin for a reason that has nothing to do with its app: to be tried again, and no crash. */
class Prevented extends VelosError {}

export const prevented = (why: string, hint = "", cause?: unknown): VelosError =>
  new Prevented(...detailsOf(why, hint, cause));

const detailsOf = (why: string, hint: string, cause: unknown): ConstructorParameters<typeof VelosError> => [
  "BACKEND_FAILED",
  { backend: "velosd", why, hint },
  cause === undefined ? undefined : { cause },
];

/** A disk or a quota that is full fails whatever makes a file for the run, under many a word. */
const FULL = ["ENOSPC", "EDQUOT"];

/** True when the app cannot be blamed for a run that did not begin. */
export const isPrevented = (error: unknown): boolean =>
  error instanceof Prevented ||
  (error instanceof Error && (FULL.includes((error as NodeJS.ErrnoException).code ?? "") || isPrevented(error.cause)));
