import type { CommandClass } from "clipanion";
import { Cli } from "clipanion";
import type { OptionValue } from "./option-values.ts";
import { optionValues } from "./option-values.ts";
import type { VelosContext } from "./velos-command.ts";

export interface OptionForm {
  /** `-n`, `--name`: the short one first. */
  names: readonly string[];
  value?: OptionValue;
  description: string;
}

/** A word that is not an option: `<app>`. */
export interface WordForm {
  name: string;
  required: boolean;
  repeats: boolean;
}

/** A command as its class describes it: what help shows, completions offer, and usage errors are explained by. */
export interface CommandForm {
  name: string;
  description: string;
  details: string;
  examples: readonly (readonly [text: string, line: string])[];
  options: readonly OptionForm[];
  words: readonly WordForm[];
}

/** Reads the form of a command from its definition. */
export const formOf = (command: CommandClass<VelosContext>): CommandForm => {
  const cli = new Cli<VelosContext>({ binaryName: "velos" });
  cli.register(command);
  const definition = cli.definitions({ colored: false })[0]!;
  const name = definition.path.replace(/^velos /, "");
  const { description = "", details = "", examples = [] } = command.usage ?? {};
  return {
    name,
    description,
    details,
    examples,
    options: definition.options.map(({ definition: written, description: text = "" }) =>
      optionForm(name, written, text),
    ),
    words: wordForms(definition.usage, (command as { rest?: string }).rest),
  };
};

/** `-n,--name #0` is an option with a value, `--json` one without. */
const optionForm = (command: string, written: string, description: string): OptionForm => {
  const [names = "", arity] = written.split(" ");
  const list = names.split(",").sort((a, b) => a.length - b.length);
  const long = list.at(-1)!;
  const value = optionValues[`${command} ${long}`] ?? (arity === undefined ? undefined : optionValues[long]);
  return { names: list, ...(value && { value }), description: description.trim() };
};

/** `velos scale [--json] <app> <N|max>`, and `...` where any number of words may stand. */
const wordForms = (usage: string, rest: string | undefined): WordForm[] => {
  const words: WordForm[] = [];
  const [, tail = ""] = /^velos \S+((?: \[[^\]]*\])*.*)$/.exec(usage) ?? [];
  for (const part of tail
    .replace(/\[-[^\]]*\]/g, "")
    .trim()
    .split(/\s+/)) {
    const required = /^<(.+)>$/.exec(part);
    const last = words.at(-1);
    if (required) words.push({ name: required[1]!, required: true, repeats: false });
    else if (part === "..." && rest === undefined && last) last.repeats = true;
    else if (part === "...") words.push({ name: rest ?? "word", required: false, repeats: true });
  }
  return words;
};

/** `<app>`, `<selector>...`, `[selector...]` */
export const wordText = ({ name, required, repeats }: WordForm): string => {
  const dots = repeats ? "..." : "";
  return required ? `<${name}>${dots}` : `[${name}${dots}]`;
};

/** `-n, --name NAME` */
export const optionText = ({ names, value }: OptionForm): string => {
  const word = value === undefined ? "" : value.optional ? `[=${value.word}]` : ` ${value.word}`;
  return `${names[0]!.startsWith("--") ? "    " : ""}${names.join(", ")}${word}`;
};
