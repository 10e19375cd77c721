import { VelosError } from "../domain/errors.ts";

/** Turns what the command-line parser found wrong into an error of one line with a hint. */
export const explain = (error: unknown, command: string): Error => {
  const { name, message } = error as Error;
  if (name !== "UnknownSyntaxError" && name !== "AmbiguousSyntaxError" && name !== "UsageError") return error as Error;
  // Its text ends with the usage line after an empty line.
  const [first = message] = message.split("\n\n");
  const why = first.replace(/\s+/g, " ").trim().replace(/\.$/, "");
  return new VelosError("USAGE", {
    why: why.charAt(0).toLowerCase() + why.slice(1),
    hint: `\`velos ${command} --help\` shows how it is used`,
  });
};
