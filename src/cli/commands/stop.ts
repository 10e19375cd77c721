import { Command, Option } from "clipanion";
import { withProgress } from "../progress.ts";
import { settledText } from "../settled.ts";
import { VelosCommand } from "../velos-command.ts";

export class StopCommand extends VelosCommand {
  static override paths = [["stop"]];
  static override usage = Command.Usage({
    description: "stop apps or single instances",
    details:
      "They stay stopped, also over a reboot, until they are started again. Each gets its kill signal (SIGTERM) and kill_timeout (5s) to end before it is killed.",
    examples: [
      ["all instances of api", "velos stop api"],
      ["one of them", "velos stop api:2"],
    ],
  });

  selectors = Option.Rest({ name: "selector", required: 1 });

  override async execute(): Promise<number> {
    return this.withDaemon(async (daemon) => {
      const { apps } = await withProgress(this.terminal, daemon, () =>
        daemon.call("stop", { selectors: this.selectors }),
      );
      if (this.json) this.printJson({ apps });
      else this.print(settledText(apps, this.style, this.width));
      return 0;
    });
  }
}
