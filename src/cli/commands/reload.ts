import { Command, Option } from "clipanion";
import { withProgress } from "../progress.ts";
import { settledText } from "../settled.ts";
import { VelosCommand } from "../velos-command.ts";

export class ReloadCommand extends VelosCommand {
  static override paths = [["reload"]];
  static override usage = Command.Usage({
    description: "restart an app instance by instance, gated on readiness",
    details:
      "The next instance is taken only when the one before is ready again. Stops at the first one that does not come up.",
    examples: [["", "velos reload api"]],
  });

  selectors = Option.Rest({ name: "selector", required: 1 });

  override async execute(): Promise<number> {
    return this.withDaemon(async (daemon) => {
      const { apps } = await withProgress(this.terminal, daemon, () =>
        daemon.call("restart", { selectors: this.selectors, rolling: true }),
      );
      if (this.json) this.printJson({ apps });
      else this.print(settledText(apps, this.style, this.width));
      return 0;
    });
  }
}
