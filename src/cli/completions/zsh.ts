import { aliases } from "../catalogue.ts";
import type { CommandForm, OptionForm } from "../command-form.ts";
import type { Choices } from "./word-choices.ts";
import { commonOptions, wordChoices } from "./word-choices.ts";

/** The action of an \`_arguments\` spec. */
const action = (choices: Choices): string => {
  if (choices === undefined) return " ";
  if (typeof choices !== "string") return `(${choices.join(" ")})`;
  return {
    file: "_files",
    directory: "_files -/",
    host: "_velos_hosts",
    app: "_velos_apps",
    instance: "_velos_instances",
    script: "_velos_scripts",
  }[choices];
};

/** Within a bracket of a spec, within single quotes of the script. */
const text = (words: string): string => words.replace(/[[\]:\\]/g, "\\$&").replaceAll("'", "'\\''");

const optionSpecs = ({ names, value, description }: OptionForm): string[] => {
  const excluded = names.length > 1 ? `(${names.join(" ")})` : "";
  return names.map((name) => {
    const sign = value === undefined ? "" : value.optional ? "=-" : name.startsWith("--") ? "=" : "+";
    const colons = value?.optional ? "::" : ":";
    const argument = value === undefined ? "" : `${colons}${text(value.word)}:${action(value.complete)}`;
    return `'${excluded}${name}${sign}[${text(description)}]${argument}'`;
  });
};

const wordSpecs = ({ words }: CommandForm): string[] =>
  words.map(
    ({ name, repeats }, position) => `'${repeats ? "*" : position + 1}:${text(name)}:${action(wordChoices(name))}'`,
  );

/** `velos completions zsh` */
export const zshScript = (forms: readonly CommandForm[]): string => `#compdef velos
# zsh completion for velos; put it into a directory of $fpath:
# velos completions zsh > ~/.zfunc/_velos

_velos_names() {
  velos __names \${(M)all_words:#--(user|system|host*)} 2>/dev/null
}

_velos_hosts() {
  compset -P '*@'
  _hosts
}

_velos_apps() {
  local -a names=(\${(f)"$(_velos_names)"})
  compadd -- \${names:#*:*}
}

_velos_instances() {
  local -a names=(\${(f)"$(_velos_names)"})
  compadd -- all $names
}

_velos_scripts() {
  _velos_instances
  _files
}

_velos_commands() {
  local -a commands=(
${forms.map(({ name, description }) => `    '${name}:${text(description)}'`).join("\n")}
    'help:what velos can do, or one of its commands'
  )
  _describe command commands
}

_velos() {
  local curcontext=$curcontext state line
  # Below there are only those behind the command.
  local -a all_words=($words)
  local -A opt_args
  # Options behind the command are the command's, which knows them all.
  _arguments -C -A '-*' ${commonOptions(forms).flatMap(optionSpecs).join(" ")} '(- *)'{-h,--help} '(- *)--version' \\
    '1:command:_velos_commands' '*::words:->words' && return
  [[ $state == words ]] || return
  case $words[1] in
${forms.map(commandCase).join("\n")}
  help) _arguments '1:command:_velos_commands' ;;
  esac
}

if [[ $funcstack[1] == _velos ]]; then _velos "$@"; else compdef _velos velos; fi
`;

const commandCase = (form: CommandForm): string => {
  const names = [form.name, ...Object.keys(aliases).filter((alias) => aliases[alias] === form.name)];
  const specs = [...form.options.flatMap(optionSpecs), "'(-h --help)'{-h,--help}'[show help]'", ...wordSpecs(form)];
  return [
    `  ${names.join(" | ")})`,
    "    _arguments -s \\",
    `${specs.map((spec) => `      ${spec}`).join(" \\\n")}`,
    "    ;;",
  ].join("\n");
};
