import { mkdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { Command, Option } from "clipanion";
import { nearest } from "../../domain/nearest.ts";
import { VelosError } from "../../domain/errors.ts";
import { applyQuantity } from "../../domain/quantity.ts";
import type { ExportApp, Exported, ExportTarget } from "../../export/main.ts";
import { VelosCommand } from "../velos-command.ts";
import { writeOutput } from "../write-output.ts";

/** Where units are for each scope. */
const unitDirectory = (scope: "system" | "user", env: Readonly<Record<string, string | undefined>>): string =>
  scope === "system"
    ? "/etc/systemd/system"
    : join(env["XDG_CONFIG_HOME"] || join(env["HOME"] ?? "/", ".config"), "systemd/user");

export class ExportCommand extends VelosCommand {
  static override paths = [["export"]];
  static override rest = "app";
  static override usage = Command.Usage({
    description: "write apps for Kubernetes, Nomad, compose or plain systemd",
    details: `
      Of the apps that velos has, or with -f of a velos.toml. What has no counterpart there is told, and stands in the
      files as comments. Units of systemd run without velos.
    `,
    examples: [
      ["", "velos export kubernetes api > api.yaml"],
      ["of a file", "velos export compose -f velos.toml > compose.yaml"],
      ["units that need no velos", "velos export systemd api -o /etc/systemd/system"],
    ],
  });

  file = Option.String("-f,--file,-c,--config", { description: "the apps of a velos.toml instead" });
  profile = Option.String("-e,--env", { description: "profile of the file" });
  image = Option.String("--image", { description: "image of containers; {app} is the app's name ({app}:latest)" });
  output = Option.String("-o,--output", { description: "directory for the files, instead of printing them" });
  force = Option.Boolean("--force", false, { description: "replace files that are there" });
  target = Option.String({ name: "kubernetes|nomad|systemd|compose" });
  apps = Option.Rest({ name: "app" });

  override async execute(): Promise<number> {
    // A bundle of its own: no other command reads it.
    const { exportApps, exportTargets, PRELOAD } = await import("../../export/main.ts");
    const target = exportTargets.find((name) => name === this.target);
    if (target === undefined) throw unknownTarget(this.target, exportTargets);
    const apps = this.file === undefined ? await this.#known() : await this.#ofFile(this.file);
    const { scope, terminal } = this;
    const directory =
      this.output === undefined ? unitDirectory(scope, terminal.env) : resolve(terminal.cwd(), this.output);
    const preload = await readFile(join(__dirname, "preload.cjs"), "utf8");
    const image = this.image === undefined ? {} : { image: this.image };
    const exported = exportApps(target, apps, { scope, directory, preload, ...image });
    if (this.json) this.printJson(exported);
    else if (this.output !== undefined) await this.#write(directory, exported);
    else this.#print(target, { ...exported, files: exported.files.filter(({ name }) => name !== PRELOAD) });
    if (!this.json) for (const { app, key, why } of exported.remarks) this.note(`${app}: ${key}: ${why}`);
    return 0;
  }

  async #known(): Promise<ExportApp[]> {
    if (this.profile !== undefined) {
      const hint = "apps that run have theirs; with -f it chooses one of the file";
      throw new VelosError("USAGE", { why: "--env goes with -f", hint });
    }
    return this.withDaemon(async (daemon) => {
      const { apps } = await daemon.call("list", this.apps.length > 0 ? { selectors: this.apps } : {});
      if (apps.length === 0) {
        throw new VelosError("USAGE", { why: "there are no apps", hint: "start one, or name a file: -f velos.toml" });
      }
      return Promise.all(
        apps.map(async ({ name, instances }) => {
          const { spec } = await daemon.call("describe", { selector: name, secrets: true });
          return { spec, instances };
        }),
      );
    });
  }

  async #ofFile(path: string): Promise<ExportApp[]> {
    const { prepareApps } = await import("../prepare-apps.ts");
    const prepared = await prepareApps({
      terminal: this.terminal,
      places: this.places,
      envFlags: this.profile === undefined ? [] : [this.profile],
      file: { path, only: this.apps.length > 0 ? this.apps.join(",") : undefined },
    });
    return prepared.map(({ spec, instances }) => ({
      spec,
      instances: applyQuantity(instances, 1, availableParallelism()),
    }));
  }

  #print(target: ExportTarget, { files }: Exported): void {
    const open = files.filter(({ isPrivate }) => isPrivate !== true);
    if (target === "nomad" && open.length > 1) {
      throw new VelosError("USAGE", {
        why: "Nomad takes a file for each job",
        hint: `name one app, or -o DIR for all of them: ${open.map(({ name }) => name).join(", ")}`,
      });
    }
    const isOne = open.length === 1;
    this.print(open.map(({ name, text }) => (isOne ? text : `# ${name}\n${text}`)).join("\n"));
    if (open.length < files.length) this.note("secrets are not printed; with -o they are written for you alone");
  }

  async #write(directory: string, { files }: Exported): Promise<void> {
    const shown = (name: string): string => relative(this.terminal.cwd(), join(directory, name)) || name;
    for (const { name, text, isPrivate } of files) {
      const path = join(directory, name);
      try {
        await mkdir(dirname(path), { recursive: true });
        await writeOutput(path, text, { force: this.force, isPrivate: isPrivate === true });
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        throw new VelosError("USAGE", {
          why: code === "EEXIST" ? `${shown(name)} is there already` : `cannot write ${shown(name)}: ${message}`,
          hint: "--force replaces files, -o names another directory",
        });
      }
      this.print(`wrote ${shown(name)}`);
    }
  }
}

const unknownTarget = (name: string, targets: readonly string[]): VelosError => {
  const meant = nearest(name, targets);
  const hint = meant === undefined ? `the targets are ${targets.join(", ")}` : `did you mean \`${meant}\`?`;
  return new VelosError("USAGE", { why: `velos cannot export to '${name}'`, hint });
};
