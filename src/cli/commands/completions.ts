import { Command, Option } from "clipanion";
import { VelosError } from "../../domain/errors.ts";
import { VelosCommand } from "../velos-command.ts";

export class CompletionsCommand extends VelosCommand {
  static override paths = [["completions"]];
  static override usage = Command.Usage({
    description: "print completions for bash, zsh or fish",
    details: "They complete commands, options, and the names of apps and instances that there are.",
    examples: [
      ["", "velos completions bash > /etc/bash_completion.d/velos"],
      ["", "velos completions zsh > ~/.zfunc/_velos"],
      ["", "velos completions fish > ~/.config/fish/completions/velos.fish"],
    ],
  });

  shell = Option.String({ name: "bash|zsh|fish" });

  /** It is about this machine. */
  override host = undefined;

  override async execute(): Promise<number> {
    const { completionScript } = await import("../completions/script.ts");
    const script = await completionScript(this.shell);
    if (script === undefined)
      throw new VelosError("USAGE", {
        why: `no completions for '${this.shell}'`,
        hint: "the shells are bash, zsh and fish",
      });
    if (this.json) this.printJson({ shell: this.shell, script });
    else this.print(script);
    return 0;
  }
}
