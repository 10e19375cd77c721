import { Command } from "clipanion";
import { VelosError } from "../../domain/errors.ts";
import { Interrupted } from "../interrupt.ts";
import { VelosCommand } from "../velos-command.ts";

export class MonitCommand extends VelosCommand {
  static override paths = [["monit"]];
  static override usage = Command.Usage({
    description: "a screen of apps, instances and logs that moves",
    details: `
      Shows every app and instance with CPU and memory of the last seconds, and the log of the selected one. Keys act on
      what is selected: r reload, R restart, s scale, x stop or start, l the level of the log, enter shows or hides
      instances, ? all keys, q ends it. Apps go on whatever becomes of the screen.
    `,
    examples: [["q ends it", "velos monit"]],
  });

  override async execute(): Promise<number> {
    const { stdin, stdout, env } = this.terminal;
    if (this.json || stdout.isTTY !== true || stdin.isTTY !== true || env["TERM"] === "dumb")
      throw new VelosError("USAGE", {
        why: this.json ? "velos monit is a screen and has no --json" : "velos monit needs a terminal to draw on",
        hint: "elsewhere `velos list --watch` and `velos logs -f` show the same, also with --json",
      });
    // A bundle of its own: no other command reads it.
    const { runMonit } = await import("../monit/main.ts");
    const { terminal, style, places: paths, backend } = this;
    const note = (text: string): void => this.note(text);
    const exitCode = await runMonit({ terminal, style, daemon: { paths, backend, env, note } });
    if (exitCode > 0) throw new Interrupted(exitCode);
    return 0;
  }
}
