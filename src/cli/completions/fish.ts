import { aliases } from "../catalogue.ts";
import type { CommandForm, OptionForm } from "../command-form.ts";
import type { Choices } from "./word-choices.ts";
import { wordChoices } from "./word-choices.ts";

const quote = (text: string): string => `'${text.replace(/[\\']/g, "\\$&")}'`;

/** Flags of `complete` for what may stand at a place. */
const offer = (choices: Choices): string => {
  if (choices === undefined) return "";
  if (typeof choices !== "string") return ` -a ${quote(choices.join(" "))}`;
  switch (choices) {
    case "file":
      return " -F";
    case "directory":
      return " -a '(__fish_complete_directories)'";
    case "app":
      return " -a '(__velos_apps)'";
    case "instance":
      return " -a 'all (__velos_names)'";
    case "script":
      return " -F -a '(__velos_names)'";
  }
};

/** `velos completions fish` */
export const fishScript = (forms: readonly CommandForm[]): string => `# fish completion for velos
# velos completions fish > ~/.config/fish/completions/velos.fish

function __velos_names
    set -l scope (string match -- '--user' (commandline -opc); or string match -- '--system' (commandline -opc))
    velos __names $scope 2>/dev/null
end

function __velos_apps
    __velos_names | string match -v '*:*'
end

# True in place N behind one of the commands; options and their values do not count.
function __velos_place
    set -l place $argv[1]
    set -l words
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; or set -a words $word
    end
    test (count $words) -ge 1; or return 1
    contains -- $words[1] $argv[2..-1]; or return 1
    test $place = '*'; or test (count $words) -eq $place
end

complete -c velos -f
complete -c velos -n __fish_use_subcommand -a help -d 'what velos can do, or one of its commands'
complete -c velos -n '__fish_seen_subcommand_from help' -a ${quote(forms.map(({ name }) => name).join(" "))}
${forms.flatMap(commandLines).join("\n")}
`;

const commandLines = (form: CommandForm): string[] => {
  const names = [form.name, ...Object.keys(aliases).filter((alias) => aliases[alias] === form.name)].join(" ");
  return [
    `complete -c velos -n __fish_use_subcommand -a ${form.name} -d ${quote(form.description)}`,
    ...form.options.map(
      (option) => `complete -c velos -n '__fish_seen_subcommand_from ${names}'${optionFlags(option)}`,
    ),
    ...form.words.flatMap(({ name, repeats }, position) => {
      const choices = offer(wordChoices(name));
      const place = repeats ? "\\*" : position + 1;
      return choices === "" ? [] : [`complete -c velos -n '__velos_place ${place} ${names}'${choices}`];
    }),
  ];
};

const optionFlags = ({ names, value, description }: OptionForm): string => {
  const flags = names.map((name) => (name.startsWith("--") ? ` -l ${name.slice(2)}` : ` -s ${name.slice(1)}`));
  const takes = value === undefined || value.optional ? "" : ` -r${offer(value.complete)}`;
  return `${flags.join("")}${takes} -d ${quote(description)}`;
};
