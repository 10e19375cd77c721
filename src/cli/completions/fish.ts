import { aliases } from "../catalogue.ts";
import type { CommandForm, OptionForm } from "../command-form.ts";
import type { Choices } from "./word-choices.ts";
import { commonOptions, wordChoices } from "./word-choices.ts";

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
    case "host":
      return " -a '(__fish_print_hostnames) (__fish_complete_user_at_hosts)'";
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
    velos __names (string match -r -- '^--(?:user|system|host)\\b.*' (commandline -opc)) 2>/dev/null
end

function __velos_apps
    __velos_names | string match -v '*:*'
end

# Whether an option takes the word behind it; the command may not be there yet.
function __velos_takes_word
    set -l options ${valueOptions(commonOptions(forms)).join(" ")}
    switch "$argv[2]"
${forms.map((form) => `        case ${namesOf(form)}\n            set options ${valueOptions(form.options).join(" ")}`).join("\n")}
    end
    contains -- $argv[1] $options
end

# True in place N behind one of the commands; options and their values do not count.
function __velos_place
    set -l place $argv[1]
    set -l words
    set -l takes no
    for word in (commandline -opc)[2..-1]
        if test $takes = yes
            set takes no
        else if string match -q -- '-*' $word
            __velos_takes_word $word $words[1]; and set takes yes
        else
            set -a words $word
        end
    end
    test (count $words) -ge 1; or return 1
    contains -- $words[1] $argv[2..-1]; or return 1
    test $place = '*'; or test (count $words) -eq $place
end

complete -c velos -f
complete -c velos -n __fish_use_subcommand -a help -d 'what velos can do, or one of its commands'
complete -c velos -n '__fish_seen_subcommand_from help' -a ${quote(forms.map(({ name }) => name).join(" "))}
${commonOptions(forms)
  .map((option) => `complete -c velos -n __fish_use_subcommand${optionFlags(option)}`)
  .join("\n")}
${forms.flatMap(commandLines).join("\n")}
`;

/** A command with its other names. */
const namesOf = ({ name }: CommandForm): string =>
  [name, ...Object.keys(aliases).filter((alias) => aliases[alias] === name)].join(" ");

/** The options behind which a word stands that is theirs. */
const valueOptions = (options: readonly OptionForm[]): string[] =>
  options.flatMap(({ names, value }) => (value === undefined || value.optional ? [] : names));

const commandLines = (form: CommandForm): string[] => {
  const names = namesOf(form);
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
