import { nearest } from "../domain/nearest.ts";
import { VelosError } from "../domain/errors.ts";
import type { CommandForm, OptionForm } from "./command-form.ts";
import { wordText } from "./command-form.ts";
import { hintForOption } from "./other-words.ts";

const usage = (why: string, hint: string): VelosError => new VelosError("USAGE", { why, hint });

/** The commands that are told what an app is. */
const STARTING: ReadonlySet<string> = new Set(["start", "run"]);

/**
 * Says what is wrong with the words of a command that the parser refused, as one line with a hint.
 * @param words those before `--`
 */
export const explainUsage = (form: CommandForm, words: readonly string[], error: unknown): Error => {
  const help = `\`velos ${form.name} --help\` shows how it is used`;
  const options = new Map(form.options.flatMap((option) => option.names.map((name) => [name, option] as const)));
  const positional: string[] = [];
  for (let position = 0; position < words.length; position++) {
    const word = words[position]!;
    if (!word.startsWith("-") || word === "-") {
      positional.push(word);
      continue;
    }
    const [name = word, value] = splitOnce(word);
    const option = options.get(name) ?? options.get(name.replace(/^--no-/, "--"));
    if (!option) return unknownOption(name, form, options, help);
    if (!option.value && value !== undefined) return usage(`${name} takes no value`, help);
    if (!option.value || option.value.optional || value !== undefined) continue;
    const next = words[position + 1];
    if (next === undefined || (next.startsWith("-") && next !== "-")) return missingValue(name, option);
    position++;
  }
  return miscounted(form, positional, help) ?? usage(firstLine(error), help);
};

const splitOnce = (word: string): [string, string?] => {
  const equals = word.indexOf("=");
  return equals < 0 ? [word] : [word.slice(0, equals), word.slice(equals + 1)];
};

const unknownOption = (
  name: string,
  form: CommandForm,
  options: ReadonlyMap<string, OptionForm>,
  help: string,
): VelosError => {
  const known = hintForOption(name, form.name, (option) => options.has(option), STARTING.has(form.name));
  const meant = nearest(
    name.replace(/^-+/, ""),
    [...options.keys()].filter((option) => option.startsWith("--")).map((option) => option.slice(2)),
  );
  return usage(`unknown option ${name}`, known ?? (meant === undefined ? help : `did you mean \`--${meant}\`?`));
};

const missingValue = (name: string, { value }: OptionForm): VelosError => {
  const choices = Array.isArray(value?.complete) && value.complete.length > 1 ? `: ${value.complete.join(", ")}` : "";
  return usage(`${name} needs a value`, `write ${name} ${value?.word ?? "VALUE"}${choices}`);
};

const miscounted = (form: CommandForm, positional: readonly string[], help: string): VelosError | undefined => {
  const { words } = form;
  const missing = words.filter(({ required }) => required)[positional.length];
  const line = `velos ${[form.name, ...words.map(wordText)].join(" ")}`;
  if (missing)
    return usage(`\`velos ${form.name}\` needs ${wordText({ ...missing, repeats: false })}`, `write ${line}`);
  if (positional.length <= words.length || words.at(-1)?.repeats) return undefined;
  const word = positional[words.length]!;
  const takesFile = form.options.some(({ names }) => names.includes("--file"));
  const hint =
    takesFile && word.endsWith(".toml")
      ? `write velos ${form.name} -f ${word}`
      : words.length === 0
        ? help
        : `write ${line}`;
  return usage(`'${word}' is one word too many`, hint);
};

/** The parser's own words end with the usage behind an empty line. */
const firstLine = (error: unknown): string => {
  const { message } = error as Error;
  return message.split("\n\n")[0]!.replace(/\s+/g, " ").trim().replace(/\.$/, "");
};
