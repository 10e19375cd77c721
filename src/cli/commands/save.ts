import { Command } from "clipanion";
import { VelosCommand } from "../velos-command.ts";

export class SaveCommand extends VelosCommand {
  static override paths = [["save"]];
  static override usage = Command.Usage({
    description: "does nothing, for scripts that come from pm2",
    details: "Every change is kept when it is made; `velos startup` has what runs come back after a reboot.",
    examples: [["", "velos save"]],
  });

  override async execute(): Promise<number> {
    if (this.json) this.printJson({ saved: true });
    else
      this.print("nothing has to be saved: every change is kept when it is made (`velos startup`: also over a reboot)");
    return 0;
  }
}
