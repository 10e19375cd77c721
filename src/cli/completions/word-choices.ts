import { constants } from "node:os";
import type { CommandForm, OptionForm } from "../command-form.ts";
import { everywhere } from "../help.ts";
import type { OptionValue } from "../option-values.ts";

/** What a shell completes at some place of the command line. */
export type Choices = NonNullable<OptionValue["complete"]> | "instance" | "script" | undefined;

/** What a word of a command can be, by the name it has in the usage line. */
export const wordChoices = (name: string): Choices => {
  if (name === "app") return "app";
  if (name === "selector" || name === "app:index") return "instance";
  if (name === "signal") return Object.keys(constants.signals);
  if (name.startsWith("script")) return "script";
  const words = name.split("|");
  return words.length > 1 ? words.filter((word) => /^[a-z]+$/.test(word)) : undefined;
};

/** The options that may also stand before the command. */
export const commonOptions = (forms: readonly CommandForm[]): OptionForm[] =>
  forms[0]!.options.filter(({ names }) => everywhere.includes(names.at(-1)!));
