import { aliases, commands } from "../catalogue.ts";
import type { CommandForm, OptionForm } from "../command-form.ts";
import { formOf } from "../command-form.ts";
import { commonOptions } from "../completions/word-choices.ts";
import { commandGroups, optionGroups, purpose, usageLine } from "../help.ts";
import type { ManPage } from "./page.ts";
import { bold, entry, example, heading, italic, paragraphs, subheading, title } from "./roff.ts";

/** What the exit codes of the CLI mean; the table of errors says which one each error has. */
export const exitCodes: Readonly<Record<number, string>> = {
  0: "Done.",
  1: "Failed: an instance did not come up, a rollout stalled, the change could not be saved. `velos doctor`: it found a problem.",
  2: "Usage: the command line, velos.toml or something it names is wrong. Nothing was done.",
  3: "No such app or instance.",
  4: "velosd cannot be reached, or not by you.",
  130: "Interrupted.",
};

const environment: Readonly<Record<string, string>> = {
  VELOS_BACKEND: "`systemd`, `launchd` or `spawn`: what is to run instances, should velosd have to be started.",
  VELOS_HOME: "One directory for socket, state and configuration of either scope: for containers and for tests.",
  VELOS_HOST: "Another server, as with `--host`.",
  NO_COLOR: "When set, nothing is coloured.",
  FORCE_COLOR: "When set, colours also where the output is not a terminal.",
};

const files: readonly (readonly [paths: readonly string[], meaning: string])[] = [
  [["/etc/velos/velos.toml", "~/.config/velos/velos.toml"], "The scope's configuration, see velos.toml(5)."],
  [["/run/velos/velosd.sock", "$XDG_RUNTIME_DIR/velos/velosd.sock"], "velosd's socket: of root and the group velos."],
  [["/var/lib/velos", "~/.local/state/velos"], "State: what is to run, and counters."],
];

/** velos(1): the forms of all commands on one page. */
export const velosPage = async ({ version, date }: ManPage): Promise<string[]> => {
  const groups = await Promise.all(
    commandGroups.map(async ([name, names]) => ({
      name,
      forms: await Promise.all(names.map(async (command) => formOf(await commands[command]!()))),
    })),
  );
  const forms = groups.flatMap((group) => group.forms);
  return [
    ...title("velos", 1, date, `velos ${version}`, "User Commands"),
    ...heading("NAME"),
    "velos \\- cluster and process manager, native to systemd",
    ...heading("SYNOPSIS"),
    `${bold("velos")} ${italic("command")} [${italic("options")}]`,
    ".br",
    `${bold("velos start")} ${italic("script")} [${bold("--name")} ${italic("app")}] [${bold("-i")} ${italic("N")}] [${bold("--")} ${italic("args")}]`,
    ...heading("DESCRIPTION"),
    ...paragraphs(`
      velos runs an application as a cluster of instances on one server and keeps it running. Each instance is an
      ordinary unit of systemd, \`velos-api@2.service\`; velos adds what systemd lacks: many instances of one app as
      one thing, scaling, a rolling restart that loses no request, and one listening socket for all instances.

      The commands talk to velosd(8), which is started when it is needed. It can be killed, upgraded or removed at
      any moment, and no application notices.

      An app is named by its selector: \`api\` (every instance), \`api:2\` (one), \`api*\` (pattern), \`all\`. As root
      velos manages the system's units, for everyone else the user's own.
    `),
    ...heading("OPTIONS"),
    ...paragraphs("Every command takes these, before or behind its name:"),
    ...commonOptions(forms).flatMap(optionEntry),
    ...entry(`${bold("-h")}, ${bold("--help")}`, "What a command does, its options and examples."),
    ...entry(`${bold("-v")}, ${bold("-V")}, ${bold("--version")}`, "The version; only in place of a command."),
    ...heading("COMMANDS"),
    ...groups.flatMap(({ name, forms: group }) => entry(name, group.map((form) => `\`${form.name}\``).join(", "))),
    ...forms.flatMap(commandPart),
    ...heading("EXIT STATUS"),
    ...Object.entries(exitCodes).flatMap(([code, meaning]) => entry(bold(code), meaning)),
    ...heading("ENVIRONMENT"),
    ...Object.entries(environment).flatMap(([name, meaning]) => entry(bold(name), meaning)),
    ...heading("FILES"),
    ...files.flatMap(([paths, meaning]) => entry(paths.map(italic).join(", "), meaning)),
    ...heading("EXAMPLE"),
    ...paragraphs("Four instances of a Node server behind one port, then a new version of it without a lost request:"),
    ...example(["velos start server.js --name api -i 4 --listen 3000", "velos reload api"]),
    ...heading("SEE ALSO"),
    `${bold("velos.toml")}(5), ${bold("velosd")}(8), ${bold("systemctl")}(1), ${bold("journalctl")}(1)`,
  ];
};

const aliasesOf = (name: string): string[] => Object.keys(aliases).filter((alias) => aliases[alias] === name);

/** `velos scale`: usage, what it does, options, examples. */
const commandPart = (form: CommandForm): string[] => {
  const others = aliasesOf(form.name);
  return [
    ...subheading(usageLine(form)),
    ...paragraphs(purpose(form)),
    ...(others.length > 0 ? paragraphs(`Other names: ${others.map((name) => `\`${name}\``).join(", ")}.`, false) : []),
    ...(form.details === "" ? [] : paragraphs(form.details, false)),
    ...optionGroups(form)
      .filter(([, options]) => !options.some(({ names }) => names.includes("--json")))
      .flatMap(([, options]) => options.flatMap(optionEntry)),
    ...(form.examples.length > 0 ? example(exampleLines(form.examples)) : []),
  ];
};

const exampleLines = (examples: CommandForm["examples"]): string[] => {
  const width = Math.max(...examples.map(([, line]) => line.length));
  return examples.map(([text, line]) => (text === "" ? line : `${line.padEnd(width)}  # ${text}`));
};

/** `-n, --name NAME` */
const optionEntry = ({ names, value, description }: OptionForm): string[] => {
  const word = value && (value.optional ? `[=${italic(value.word)}]` : ` ${italic(value.word)}`);
  return entry(`${names.map(bold).join(", ")}${word ?? ""}`, description);
};
