import type { CommandClass, Definition } from "clipanion";
import { Cli } from "clipanion";
import { commands } from "./catalogue.ts";
import type { VelosContext } from "./velos-command.ts";

const GROUPS: readonly (readonly [title: string, names: readonly string[]])[] = [
  ["Apps", ["start", "stop", "restart", "reload", "scale", "delete"]],
  ["Looking", ["list", "describe", "logs", "env"]],
  ["More", ["signal", "doctor", "ping", "kill", "completions"]],
];

/** How a command presents itself. */
export const definitionOf = (command: CommandClass<VelosContext>): Definition => {
  const cli = new Cli<VelosContext>({ binaryName: "velos" });
  cli.register(command);
  return cli.definitions({ colored: false })[0]!;
};

/** `velos --help` */
export const overviewText = async (): Promise<string> => {
  const lines = [
    "velos runs an application as a cluster of systemd units and keeps it running.",
    "",
    "usage: velos <command> [options]",
    "",
  ];
  for (const [title, names] of GROUPS) {
    lines.push(`${title}:`);
    for (const name of names) {
      const definition = definitionOf(await commands[name]!());
      lines.push(`  ${name.padEnd(12)} ${definition.description ?? ""}`);
    }
    lines.push("");
  }
  lines.push("Selectors: api (every instance), api:2 (one), api* (pattern), all.", "");
  lines.push("Everywhere: --json, --user or --system, --backend NAME, --help.", "");
  lines.push("example: velos start server.js --name api -i 4", "");
  return `${lines.join("\n")}`;
};

/** `velos <command> --help` */
export const commandHelp = (command: CommandClass<VelosContext>): string => {
  const { path, description, details, examples, options } = definitionOf(command);
  const usage = command.usage as { usage?: string } | undefined;
  const lines = [description ?? "", "", `usage: ${usage?.usage ?? `${path} [options]`}`, ""];
  if (details) lines.push(details.trim(), "");
  const described = options.filter(({ description: text }) => text);
  const width = Math.max(0, ...described.map(({ definition }) => definition.length));
  if (described.length > 0) lines.push("options:");
  for (const option of described) lines.push(`  ${option.definition.padEnd(width)}  ${option.description}`);
  if (examples && examples.length > 0) {
    lines.push("", examples.length === 1 ? "example:" : "examples:");
    for (const [text, example] of examples) lines.push(`  ${example.trim()}${text ? `    # ${text}` : ""}`);
  }
  return `${lines.join("\n")}\n`;
};
