import { VelosError } from "../domain/errors.ts";
import type { Path } from "./misfit.ts";

/** One thing that is wrong with what somebody wrote. */
export interface Problem {
  path: Path;
  /** What of the path is meant: the key, or the value. */
  part: "key" | "value";
  /** What is wrong. */
  why: string;
  hint: string;
}

/**
 * The error for a problem.
 * @param where `velos.toml:12:3`, or a flag
 * @param more how many other problems there are
 */
export const problemError = ({ why, hint }: Problem, where: string, more = 0): VelosError => {
  const others = more === 0 ? [] : [`${more} more ${more === 1 ? "problem" : "problems"} after this one`];
  return new VelosError("CONFIG_INVALID", { where, why, hint: [hint, ...others].join("; ") });
};
