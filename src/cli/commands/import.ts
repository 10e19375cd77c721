import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { Command, Option } from "clipanion";
import { whyDeaf } from "../../config/launcher.ts";
import { VelosError } from "../../domain/errors.ts";
import type { Imported, ImportedApp, Remark } from "../../import/main.ts";
import { VelosCommand } from "../velos-command.ts";
import { writeOutput } from "../write-output.ts";

export class ImportCommand extends VelosCommand {
  static override paths = [["import"]];
  static override usage = Command.Usage({
    description: "write a velos.toml from what pm2 or foreman was told",
    details: `
      Reads an ecosystem file of pm2 (.js, .cjs, .mjs, .json, .yaml), a Procfile, or what \`pm2 save\` wrote. What has
      no counterpart is listed, with the reason, and stands in the file as comments. Nothing is started.
    `,
    examples: [
      ["", "velos import ecosystem.config.js"],
      ["what pm2 runs now", "pm2 save && velos import --pm2-dump"],
      ["only look", "velos import Procfile --stdout"],
    ],
  });

  output = Option.String("-o,--output", { description: "file to write (velos.toml beside what is read)" });
  stdout = Option.Boolean("--stdout", false, { description: "print it instead" });
  force = Option.Boolean("--force", false, { description: "replace a file that is there" });
  dump = Option.Boolean("--pm2-dump", false, { description: "read what pm2 saved (~/.pm2/dump.pm2)" });
  file = Option.String({ name: "file", required: false });

  /** It is about this machine. */
  override host = undefined;

  override async execute(): Promise<number> {
    // A bundle of its own: no other command reads it.
    const { importFile, tomlText, usualNames } = await import("../../import/main.ts");
    const { execPath, env } = this.terminal;
    const cwd = this.terminal.cwd();
    const shown = this.file ?? (this.dump ? this.#dumpPath() : this.#find(usualNames));
    const path = resolve(cwd, shown);
    const target = this.#target(path);
    const imported = await importFile({
      path,
      shown,
      isDump: this.dump,
      target: dirname(target),
      caller: { execPath, env, cwd },
      processors: availableParallelism(),
    });
    const written = relative(cwd, target) || target;
    const toml = tomlText(imported, this.output ?? written);
    if (!this.stdout) await this.#write(target, toml, imported.isPrivate === true);
    this.#tell(imported, this.stdout ? { toml } : { path: written });
    return 0;
  }

  #target(path: string): string {
    const cwd = this.terminal.cwd();
    if (this.output !== undefined) return resolve(cwd, this.output);
    return join(this.dump || this.stdout ? cwd : dirname(path), "velos.toml");
  }

  #dumpPath(): string {
    const { env } = this.terminal;
    return join(env["PM2_HOME"] || join(env["HOME"] ?? "/", ".pm2"), "dump.pm2");
  }

  #find(names: readonly string[]): string {
    const found = names.find((name) => existsSync(resolve(this.terminal.cwd(), name)));
    if (found !== undefined) return found;
    throw new VelosError("USAGE", {
      why: "there is no ecosystem file and no Procfile here",
      hint: "name one: velos import path/to/ecosystem.config.js; or --pm2-dump for what `pm2 save` wrote",
    });
  }

  async #write(path: string, text: string, isPrivate: boolean): Promise<void> {
    try {
      await writeOutput(path, text, { force: this.force, isPrivate });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const shown = relative(this.terminal.cwd(), path) || path;
      throw new VelosError("USAGE", {
        why: code === "EEXIST" ? `${shown} is there already` : `cannot write ${shown}: ${message}`,
        hint: "--force replaces it, -o writes another, --stdout prints it",
      });
    }
  }

  /** @param made the file that was written, or the text that is to be printed instead */
  #tell({ apps, remarks }: Imported, made: { path: string } | { toml: string }): void {
    const all = [
      ...remarks,
      ...apps.flatMap((app) => [...app.remarks, ...deaf(app)].map((remark) => ({ app: app.name, ...remark }))),
    ];
    if (this.json) return this.printJson({ ...made, apps: apps.map(({ name }) => name), remarks: all });
    if ("toml" in made) this.print(made.toml);
    for (const remark of all) this.note(remarkText(remark));
    if ("toml" in made) return;
    const { path } = made;
    const count = `${apps.length} ${apps.length === 1 ? "app" : "apps"}`;
    this.print(
      `wrote ${path}: ${count} (${apps.map(({ name }) => name).join(", ")}); \`velos apply -f ${path}\` starts ${apps.length === 1 ? "it" : "them"}`,
    );
  }
}

/** An app that has `listen`, or is told to, and would not get its addresses. */
const deaf = ({ keys, remarks }: ImportedApp): Remark[] => {
  if (keys["listen"] === undefined && !remarks.some(({ why }) => why.includes("listen = ["))) return [];
  const { script, command, args, interpreter } = keys;
  if (interpreter !== undefined) return [];
  const program = typeof script === "string" ? script.split(/\s+/) : command;
  const words = [program, args].flatMap((part) => (Array.isArray(part) ? part : []));
  const why = whyDeaf(words.filter((word) => typeof word === "string"));
  return why === undefined ? [] : [{ key: "listen", why: `${why}; name the script that listens as \`script\`` }];
};

const remarkText = ({ app, key, why }: Remark & { app?: string }): string =>
  `${app === undefined ? "" : `${app}: `}${key}: ${why}`;
