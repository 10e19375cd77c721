import { aliases, commands, later } from "./catalogue.ts";
import type { Terminal } from "./terminal.ts";
import { printError } from "./render/error.ts";
import { VelosError } from "../domain/errors.ts";
import { version } from "../domain/version.ts";

/** Options that may also stand before the command, as in `velos --user list`. */
const LEADING_FLAGS = new Set(["--system", "--user", "--json"]);
const LEADING_VALUES = new Set(["--backend"]);

/** Runs the CLI; resolves to the exit code. */
export const run = async (argv: readonly string[], terminal: Terminal): Promise<number> => {
  const json = argv.includes("--json");
  try {
    const { name, words } = split(argv);
    if (name === undefined || name === "help" || name === "--help" || name === "-h")
      return await overview(words, terminal);
    const command = aliases[name] ?? name;
    const load = Object.hasOwn(commands, command) ? commands[command] : undefined;
    if (!load) throw await unknownCommand(name);
    const [{ Cli }, { explain }, loaded] = await Promise.all([import("clipanion"), import("./usage-error.ts"), load()]);
    const cli = new Cli({
      binaryName: "velos",
      binaryLabel: "velos",
      binaryVersion: version,
      enableCapture: false,
      enableColors: false,
    });
    cli.register(loaded);
    const dashes = words.indexOf("--");
    const input = [command, ...(dashes < 0 ? words : words.slice(0, dashes)).map((word) => negative(word, command))];
    const behindDashes = dashes < 0 ? [] : words.slice(dashes + 1);
    const context = {
      terminal,
      behindDashes,
      stdin: terminal.stdin,
      stdout: terminal.stdout,
      stderr: terminal.stderr,
      env: terminal.env,
      colorDepth: 1,
    };
    if (wantsHelp(words)) {
      const { commandHelp } = await import("./help.ts");
      terminal.stdout.write(commandHelp(loaded));
      return 0;
    }
    let parsed;
    try {
      parsed = cli.process(input, context as never);
    } catch (error) {
      throw explain(error, command);
    }
    return (await parsed.validateAndExecute()) ?? 0;
  } catch (error) {
    return printError(error, terminal, json);
  }
};

/** `velos scale api -1` needs no `--`: the number is not taken for an option. */
const negative = (word: string, command: string): string =>
  command === "scale" && /^-\d+$/.test(word) ? `minus:${word.slice(1)}` : word;

/** True when help is asked for before `--`. */
const wantsHelp = (words: readonly string[]): boolean => {
  const end = words.indexOf("--");
  return (end < 0 ? words : words.slice(0, end)).some((word) => word === "--help" || word === "-h");
};

/** Finds the command and moves the options that stand before it behind it. */
const split = (argv: readonly string[]): { name: string | undefined; words: string[] } => {
  const leading: string[] = [];
  let position = 0;
  for (; position < argv.length; position++) {
    const word = argv[position]!;
    if (LEADING_FLAGS.has(word) || [...LEADING_VALUES].some((flag) => word.startsWith(`${flag}=`))) leading.push(word);
    else if (LEADING_VALUES.has(word)) leading.push(word, argv[++position] ?? "");
    else break;
  }
  return { name: argv[position], words: [...leading, ...argv.slice(position + 1)] };
};

const overview = async (words: readonly string[], terminal: Terminal): Promise<number> => {
  const { commandHelp, overviewText } = await import("./help.ts");
  const [topic] = words;
  const name = topic === undefined ? undefined : (aliases[topic] ?? topic);
  if (name !== undefined && !Object.hasOwn(commands, name)) throw await unknownCommand(name);
  terminal.stdout.write(name === undefined ? await overviewText() : commandHelp(await commands[name]!()));
  return 0;
};

const unknownCommand = async (name: string): Promise<VelosError> => {
  if (later.includes(name)) return new VelosError("NOT_YET", { what: `\`velos ${name}\`` });
  const { nearest } = await import("../config/nearest.ts");
  const meant = nearest(name, [...Object.keys(commands), ...Object.keys(aliases)]);
  return new VelosError("USAGE", {
    why: name.startsWith("-") ? `unknown option ${name}` : `there is no command '${name}'`,
    hint: meant === undefined ? "`velos --help` lists the commands" : `did you mean \`velos ${meant}\`?`,
  });
};
