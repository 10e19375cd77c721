import { VelosError } from "../domain/errors.ts";
import { version } from "../domain/version.ts";
import { aliases, commands } from "./catalogue.ts";
import { printError } from "./render/error.ts";
import type { Terminal } from "./terminal.ts";

/** Options that may also stand before the command, as in `velos --user list`. */
const LEADING_FLAGS = new Set(["--system", "--user", "--json"]);
const LEADING_VALUES = new Set(["--backend", "--host"]);

/** Runs the CLI; resolves to the exit code. */
export const run = async (argv: readonly string[], terminal: Terminal): Promise<number> => {
  const dashes = argv.indexOf("--");
  const own = dashes < 0 ? argv : argv.slice(0, dashes);
  const behindDashes = dashes < 0 ? [] : argv.slice(dashes + 1);
  try {
    const { name, ...parts } = split(own);
    const words = [...parts.leading, ...parts.rest];
    if (name === undefined || name === "help" || name === "--help" || name === "-h")
      return await help(parts.rest, terminal);
    if (name === "--version" || name === "-V" || name === "-v") {
      terminal.stdout.write(`${version}\n`);
      return 0;
    }
    if (name === "dial-stdio") return await (await import("./dial-stdio.ts")).dialStdio(words, terminal);
    const command = aliases[name] ?? name;
    if (!Object.hasOwn(commands, command)) throw await unknownCommand(name);
    if (words.some((word) => word === "--help" || word === "-h")) return await help([command], terminal);
    const elsewhere = terminal.env["VELOS_HOST"] || words.some((word) => /^--host(?:=|$)/.test(word));
    if (!elsewhere) return await execute(command, normalized(command, words), behindDashes, terminal);
    const { hostOf, runsThere, runThere } = await import("./remote.ts");
    const { host, leading, rest } = hostOf(command, parts, terminal.env);
    if (host !== undefined && runsThere(command))
      return await runThere(host, [command, ...leading, ...rest], behindDashes, terminal);
    return await execute(command, normalized(command, [...leading, ...rest]), behindDashes, terminal, host);
  } catch (error) {
    return printError(error, terminal, own.includes("--json"));
  }
};

const execute = async (
  command: string,
  words: readonly string[],
  behindDashes: readonly string[],
  terminal: Terminal,
  host?: string,
): Promise<number> => {
  const [{ Cli }, loaded] = await Promise.all([import("clipanion"), commands[command]!()]);
  const cli = new Cli({
    binaryName: "velos",
    binaryLabel: "velos",
    binaryVersion: version,
    enableCapture: false,
    enableColors: false,
  });
  cli.register(loaded);
  let parsed;
  try {
    // Commands have the terminal; streams of the parser's own would be opened for nothing.
    parsed = cli.process([command, ...words], { terminal, behindDashes, host, colorDepth: 1 } as never);
  } catch (error) {
    const [{ formOf }, { explainUsage }] = await Promise.all([import("./command-form.ts"), import("./usage-error.ts")]);
    throw explainUsage(formOf(loaded), words, error);
  }
  if (selectorsOf(parsed).includes("")) throw new VelosError("SELECTOR_INVALID", { selector: "", why: "it is empty" });
  return (await parsed.validateAndExecute()) ?? 0;
};

/** What the command is about, whatever it calls that. */
const selectorsOf = (command: object): unknown[] => {
  const { selectors = [], selector, app } = command as { selectors?: unknown[]; selector?: unknown; app?: unknown };
  return [...selectors, selector, app];
};

/**
 * The words as the parser understands them. Letters in one, `-fn 3`, become `-f -n 3`, and `-i4` is `-i 4`. Numbers below zero it would take
 * for options: `-i -1` becomes `-i=-1`, so that it can be said what is wrong with it; in `velos scale api -1` it is a
 * word that `scale` knows.
 */
const normalized = (command: string, words: readonly string[]): string[] => {
  const result: string[] = [];
  for (const word of words) {
    const last = result.at(-1);
    const isNegative = /^-\d/.test(word);
    const [, letters = "", number = ""] = /^-([a-zA-Z]{2,}|[a-zA-Z]+(?=\d))(\d*)$/.exec(word) ?? [];
    if (letters !== "") result.push(...[...letters].map((letter) => `-${letter}`), ...(number === "" ? [] : [number]));
    else if (isNegative && last !== undefined && /^--?[a-z][a-z-]*$/.test(last))
      result[result.length - 1] = `${last}=${word}`;
    else result.push(isNegative && command === "scale" ? `minus:${word.slice(1)}` : word);
  }
  return result;
};

/** Finds the command, the options before it and the words behind it. */
const split = (argv: readonly string[]): { name: string | undefined; leading: string[]; rest: string[] } => {
  const leading: string[] = [];
  let position = 0;
  for (; position < argv.length; position++) {
    const word = argv[position]!;
    if (LEADING_FLAGS.has(word) || [...LEADING_VALUES].some((flag) => word.startsWith(`${flag}=`))) leading.push(word);
    else if (LEADING_VALUES.has(word)) leading.push(word, argv[++position] ?? "");
    else break;
  }
  return { name: argv[position], leading, rest: argv.slice(position + 1) };
};

/** `velos --help`, `velos help start`, `velos start --help` */
const help = async (words: readonly string[], terminal: Terminal): Promise<number> => {
  const [{ commandHelp, overviewText }, { formOf }] = await Promise.all([
    import("./help.ts"),
    import("./command-form.ts"),
  ]);
  const topic = words.find((word) => !word.startsWith("-"));
  const name = topic === undefined ? undefined : (aliases[topic] ?? topic);
  if (name !== undefined && !Object.hasOwn(commands, name)) throw await unknownCommand(topic!);
  terminal.stdout.write(name === undefined ? await overviewText() : commandHelp(formOf(await commands[name]!())));
  return 0;
};

const unknownCommand = async (name: string): Promise<VelosError> => {
  const [{ nearest }, { hintForCommand }] = await Promise.all([
    import("../domain/nearest.ts"),
    import("./other-words.ts"),
  ]);
  const known = hintForCommand(name);
  const meant = name.startsWith("-") ? undefined : nearest(name, [...Object.keys(commands), ...Object.keys(aliases)]);
  return new VelosError("USAGE", {
    why: name.startsWith("-") ? `unknown option ${name}` : `there is no command '${name}'`,
    hint: known ?? (meant === undefined ? "`velos --help` lists the commands" : `did you mean \`velos ${meant}\`?`),
  });
};
