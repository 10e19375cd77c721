import { VelosError } from "../domain/errors.ts";

/**
 * A pattern whose matching takes time in proportion to the text: one of JavaScript could stop velosd for minutes.
 * @throws VelosError USAGE
 */
export const linearPattern = async (grep: string): Promise<{ test(message: string): boolean }> => {
  const { RE2JS } = await import("re2js");
  try {
    const pattern = RE2JS.compile(grep);
    return { test: (message) => pattern.test(message) };
  } catch (error) {
    throw new VelosError("USAGE", {
      why: `grep: ${(error as Error).message}`,
      hint: "it is a regular expression of RE2: no lookahead, no backreferences",
    });
  }
};
