import { commands } from "./catalogue.ts";
import type { CommandForm, OptionForm } from "./command-form.ts";
import { formOf, optionText, wordText } from "./command-form.ts";
import { serving } from "./serving.ts";

/** Help is written for terminals of this width. */
const WIDTH = 80;

/** The commands by what they are for, as `velos --help` lists them. */
export const commandGroups: readonly (readonly [title: string, names: readonly string[]])[] = [
  ["Run apps", ["start", "apply", "run", "stop", "restart", "reload", "rollout", "scale", "delete"]],
  ["Look", ["list", "monit", "describe", "logs", "env"]],
  [
    "More",
    [
      "signal",
      "metrics",
      "api",
      "mcp",
      "import",
      "export",
      "startup",
      "unstartup",
      "save",
      "doctor",
      "ping",
      "kill",
      "completions",
    ],
  ],
];

/** The options of `velos start`, which are too many for one list. */
const startGroups: readonly (readonly [title: string, names: readonly string[]])[] = [
  [
    "what runs",
    ["--name", "--instances", "--listen", "--cwd", "--interpreter", "--interpreter-args", "--uid", "--gid"],
  ],
  ["from a file", ["--config", "--only"]],
  ["environment", ["--env", "--env-file", "--inherit-env", "--instance-var", "--increment-var"]],
  [
    "restarts",
    [
      "--autorestart",
      "--max-restarts",
      "--min-uptime",
      "--restart-delay",
      "--exp-backoff-restart-delay",
      "--stop-exit-codes",
      "--watch",
      "--watch-ignore",
      "--cron-restart",
    ],
  ],
  ["starting and stopping", ["--wait-ready", "--listen-timeout", "--kill-timeout", "--kill-signal"]],
  ["limits", ["--max-memory", "--memory-max", "--cpu-quota", "--tasks-max"]],
];

/** Options that every command has. */
export const everywhere = ["--json", "--system", "--user", "--backend", "--host"];

/** `velos --help` */
export const overviewText = async (): Promise<string> => {
  const lines = [
    "velos runs an application as a cluster of systemd units and keeps it running.",
    "",
    "usage: velos <command> [options]",
  ];
  for (const [title, names] of commandGroups) {
    const forms = await Promise.all(names.map(async (name) => formOf(await commands[name]!())));
    lines.push(
      "",
      `${title}:`,
      ...twoColumns(
        forms.map(({ name, description }) => [name, description]),
        12,
      ),
    );
  }
  lines.push(
    "",
    "An app is named by its selector: api (every instance), api:2 (one), 'api*', all.",
    "Every command takes --json, --system or --user, --backend NAME and --help;",
    "--host USER@SERVER asks velosd of another server, through ssh.",
    "",
    "example:  velos start server.js --name api -i 4",
  );
  return `${lines.join("\n")}\n`;
};

/** `velos scale <app> <N|+N|-N|max>` */
export const usageLine = ({ name, options, words }: CommandForm): string => {
  const takesOptions = options.some(({ names }) => !everywhere.includes(names.at(-1)!));
  const usage = ["velos", name, ...(takesOptions ? ["[options]"] : []), ...words.map(wordText)].join(" ");
  return `${usage}${name === "start" || name === "run" ? " [-- args]" : ""}`;
};

/** What a command does, as a sentence. */
export const purpose = ({ description }: CommandForm): string =>
  `${description.charAt(0).toUpperCase()}${description.slice(1)}.`;

/** `velos <command> --help` */
export const commandHelp = (form: CommandForm): string => {
  const { details, examples } = form;
  const lines = [purpose(form), "", `usage: ${usageLine(form)}`];
  if (details !== "") lines.push("", ...paragraphs(details));
  for (const [title, options] of optionGroups(form)) {
    lines.push(
      "",
      `${title}:`,
      ...twoColumns(
        options.map((option) => [optionText(option), option.description]),
        24,
      ),
    );
  }
  if (examples.length > 0) lines.push("", examples.length === 1 ? "example:" : "examples:", ...exampleLines(examples));
  return `${lines.join("\n")}\n`;
};

/** The options of a command by what they are for; those of every command are the last group. */
export const optionGroups = (form: CommandForm): [title: string, options: OptionForm[]][] => {
  const shown = form.options.filter(({ description }) => description !== "");
  const grouped = form.name === "start" || form.name === "run" ? startGroups : [];
  // Commands that serve have one of that name themselves.
  const common = everywhere.filter((name) => name !== "--host" || !serving.includes(form.name));
  const named = new Set([...grouped.flatMap(([, names]) => names), ...common]);
  const pick = (names: readonly string[]): OptionForm[] =>
    names.flatMap((name) => shown.filter((option) => option.names.includes(name)));
  const own = shown.filter(({ names }) => !names.some((name) => named.has(name)));
  const groups: [string, OptionForm[]][] = [
    ...grouped.map(([title, names]): [string, OptionForm[]] => [title, pick(names)]),
    [grouped.length > 0 ? "more" : "options", own],
    [own.length + grouped.length > 0 ? "as everywhere" : "options", pick(common)],
  ];
  return groups.filter(([, options]) => options.length > 0);
};

const exampleLines = (examples: CommandForm["examples"]): string[] => {
  const width = Math.max(...examples.map(([, line]) => line.length));
  return examples.map(([text, line]) => {
    const full = `  ${line.padEnd(width)}  # ${text}`;
    return text === "" || full.length > WIDTH ? `  ${line}` : full;
  });
};

/** Terms and what they mean; a term that is too long for its column gets a line of its own. */
const twoColumns = (rows: readonly (readonly [term: string, text: string])[], least: number): string[] => {
  const column = Math.min(30, Math.max(least, ...rows.map(([term]) => term.length)));
  return rows.flatMap(([term, text]) => {
    const [first = "", ...rest] = wrap(text, WIDTH - column - 4);
    const head =
      term.length > column
        ? [`  ${term}`, `${" ".repeat(column + 4)}${first}`]
        : [`  ${term.padEnd(column)}  ${first}`];
    return [...head, ...rest.map((line) => `${" ".repeat(column + 4)}${line}`)];
  });
};

const paragraphs = (text: string): string[] =>
  text
    .trim()
    .split(/\n\s*\n/)
    .flatMap((paragraph, position) => [...(position > 0 ? [""] : []), ...wrap(paragraph, WIDTH)]);

const wrap = (text: string, width: number): string[] => {
  const lines: string[] = [];
  let line = "";
  for (const word of text.trim().split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
};
