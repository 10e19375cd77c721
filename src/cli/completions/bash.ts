import { aliases } from "../catalogue.ts";
import type { CommandForm } from "../command-form.ts";
import type { Choices } from "./word-choices.ts";
import { wordChoices } from "./word-choices.ts";

/** What the script's `_velos_offer` understands. */
const offer = (choices: Choices): string => {
  if (choices === undefined) return "none";
  if (typeof choices !== "string") return `words ${choices.join(" ")}`;
  return choices;
};

/** `velos completions bash`. Needs nothing but bash 4.4. */
export const bashScript = (forms: readonly CommandForm[]): string => `# bash completion for velos
# to have it in every shell: velos completions bash > /etc/bash_completion.d/velos

# What may stand in place N (from 1) behind a command.
_velos_word() {
  case $1 in
${forms.map(wordCases).join("\n")}
  esac
}

# What an option of a command takes; nothing for one without a value.
_velos_value() {
  case "$1 $2" in
${forms.flatMap(valueCases).join("\n")}
  esac
}

_velos_options() {
  case $1 in
${forms.map(({ name, options }) => `  ${name}) echo "${options.flatMap(({ names }) => names).join(" ")} --help" ;;`).join("\n")}
  esac
}

_velos_alias() {
  case $1 in
${Object.entries(aliases)
  .map(([alias, name]) => `  ${alias}) echo ${name} ;;`)
  .join("\n")}
  *) echo "$1" ;;
  esac
}

# Fills COMPREPLY with what begins with $cur.
_velos_offer() {
  local kind=$1
  shift
  case $kind in
  words) COMPREPLY=($(compgen -W "$*" -- "$cur")) ;;
  app) COMPREPLY=($(compgen -W "$(velos __names $scope 2>/dev/null | grep -v :)" -- "$cur")) ;;
  instance) COMPREPLY=($(compgen -W "all $(velos __names $scope 2>/dev/null)" -- "$cur")) ;;
  file | script)
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    if [[ $kind == script && $cur != */* ]]; then
      COMPREPLY+=($(compgen -W "$(velos __names $scope 2>/dev/null)" -- "$cur"))
    fi
    ;;
  host)
    if declare -F _known_hosts_real >/dev/null; then
      _known_hosts_real -a -- "$cur"
    else
      value=\${cur##*@}
      COMPREPLY=($(compgen -P "\${cur%"$value"}" -A hostname -- "$value"))
    fi
    ;;
  directory)
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -d -- "$cur")
    ;;
  esac
}

_velos() {
  # bash breaks words at : and =, which api:2 and --lines=5 contain: so the line is read here.
  local line=\${COMP_LINE:0:COMP_POINT} words cur command="" place=0 scope="" previous="" word value at
  read -ra words <<<"$line"
  cur=""
  if [[ $line != *[[:space:]] ]]; then
    cur=\${words[-1]}
    unset 'words[-1]'
  fi
  COMPREPLY=()
  for ((at = 1; at < \${#words[@]}; at++)); do
    word=\${words[at]}
    [[ $word == -- ]] && return
    [[ $word == --user || $word == --system || $word == --host* ]] && scope+=" $word"
    if [[ -n $previous ]]; then
      previous=""
    elif [[ $word == -* ]]; then
      [[ $word != *=* && -n $(_velos_value "\${command:-list}" "$word") ]] && previous=$word
    elif [[ -z $command ]]; then
      command=$(_velos_alias "$word")
    else
      place=$((place + 1))
    fi
  done
  if [[ -n $previous ]]; then
    _velos_offer $(_velos_value "\${command:-list}" "$previous")
  elif [[ $cur == --*=* ]]; then
    value=$(_velos_value "\${command:-list}" "\${cur%%=*}")
    word=\${cur%%=*}=
    cur=\${cur#*=}
    [[ -n $value ]] && _velos_offer $value
    cur=$word$cur
    COMPREPLY=("\${COMPREPLY[@]/#/$word}")
  elif [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$(_velos_options "\${command:-list}")" -- "$cur"))
  elif [[ -z $command || $command == help ]]; then
    COMPREPLY=($(compgen -W "${forms.map(({ name }) => name).join(" ")} help" -- "$cur"))
  else
    _velos_offer $(_velos_word "$command" $((place + 1)))
  fi
  # What stands before the last break stays on the line: bash replaces only what follows it.
  local break
  for break in : = @; do
    if [[ $cur == *$break* && $COMP_WORDBREAKS == *$break* ]]; then
      COMPREPLY=("\${COMPREPLY[@]#"\${cur%"\${cur##*$break}"}"}")
    fi
  done
}

complete -F _velos velos
`;

const wordCases = ({ name, words }: CommandForm): string => {
  const places = words.map(
    ({ name: word, repeats }, position) => `    ${repeats ? "*" : position + 1}) echo "${offer(wordChoices(word))}" ;;`,
  );
  return places.length === 0
    ? `  ${name}) ;;`
    : [`  ${name})`, "    case $2 in", ...places, "    esac", "    ;;"].join("\n");
};

const valueCases = ({ name, options }: CommandForm): string[] =>
  options.flatMap(({ names, value }) =>
    value === undefined || value.optional
      ? []
      : [`  ${names.map((one) => `"${name} ${one}"`).join(" | ")}) echo "${offer(value.complete)}" ;;`],
  );
