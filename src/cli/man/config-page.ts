import { appKeys, flagOf } from "../../config/schema.ts";
import { scopeKeys } from "../../config/scope-schema.ts";
import { commands } from "../catalogue.ts";
import { formOf } from "../command-form.ts";
import type { ManPage } from "./page.ts";
import { bold, entry, example, heading, italic, paragraphs, title } from "./roff.ts";

/** As the tables of the schema have them; tables within and keys of later releases have no example. */
interface Key {
  doc: string;
  example?: string;
  standard?: string;
  table?: object;
}

/** velos.toml(5): every key, as the schema describes it. */
export const configPage = async ({ version, date }: ManPage): Promise<string[]> => {
  const start = formOf(await commands["start"]!());
  const flags = new Set(start.options.flatMap(({ names }) => names));
  const keys = (table: object, flagOfKey: (key: string) => string | undefined = () => undefined): string[] =>
    (Object.entries(table) as [string, Key][]).flatMap(([name, key]) =>
      key.example === undefined ? [] : keyEntry(name, key, flagOfKey(name)),
    );
  return [
    ...title("velos.toml", 5, date, `velos ${version}`, "File Formats"),
    ...heading("NAME"),
    "velos.toml \\- apps and settings of velos",
    ...heading("SYNOPSIS"),
    italic("/etc/velos/velos.toml"),
    ".br",
    italic("~/.config/velos/velos.toml"),
    ".br",
    `${bold("velos start --config")} ${italic("velos.toml")}`,
    ...heading("DESCRIPTION"),
    ...paragraphs(`
      A file in TOML with a table for each app. Any file may be given to \`velos start --config\`; settings of velosd
      itself stand at the top of the scope's own file only: otel_… and idle_exit are read when velosd starts, api_… when
      \`velos api\` does.

      Durations take a unit (\`500ms\`, \`10s\`, \`5m\`, \`1h\`) or are plain milliseconds. Sizes take K, M and G, which
      are powers of 1024. Paths are relative to the file. A mistake is told with file, line, column and the nearest key.
    `),
    ...heading("[apps.<name>]"),
    ...keys(appKeys, (key) => (flags.has(flagOf(key)) ? flagOf(key) : undefined)),
    ...heading("[apps.<name>.env] and [apps.<name>.env_<profile>]"),
    ...paragraphs("Variables of the app, and those of a profile, chosen by `velos start --config FILE --env PROFILE`."),
    ...(Object.entries(appKeys) as [string, Key][]).flatMap(([name, { doc, table }]) =>
      table === undefined ? [] : [...heading(`[apps.<name>.${name}]`), ...paragraphs(sentence(doc)), ...keys(table)],
    ),
    ...heading("[apps.<name>.systemd]"),
    ...paragraphs(
      "Any property of systemd.exec(5), systemd.service(5) or systemd.resource-control(5), passed through.",
    ),
    ...heading("SETTINGS OF VELOSD"),
    ...paragraphs("At the top of the scope's own file, above all tables."),
    ...keys(scopeKeys),
    ...heading("EXAMPLE"),
    ...paragraphs("Four instances behind one port, replaced when they do not answer:"),
    ...example([
      "[apps.api]",
      'script = "server.js"',
      "instances = 4",
      'listen = ["127.0.0.1:3000"]',
      "",
      "[apps.api.env]",
      'NODE_ENV = "production"',
      "",
      "[apps.api.health]",
      'http = "/healthz"',
    ]),
    ...heading("SEE ALSO"),
    `${bold("velos")}(1), ${bold("velosd")}(8), ${bold("systemd.exec")}(5), ${bold("systemd.time")}(7)`,
  ];
};

const keyEntry = (name: string, { doc, example: shown, standard }: Key, flag: string | undefined): string[] => {
  const facts = [
    ...(standard === undefined ? [] : [`default \`${standard}\``]),
    ...(shown === undefined || shown === standard ? [] : [`example \`${shown}\``]),
    ...(flag === undefined ? [] : [`flag \`${flag}\``]),
  ];
  return entry(bold(name), sentence(`${doc}${facts.length > 0 ? ` (${facts.join("; ")})` : ""}`));
};

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
