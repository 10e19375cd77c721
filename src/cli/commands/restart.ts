import { Command, Option } from "clipanion";
import { withProgress } from "../progress.ts";
import { settledText } from "../settled.ts";
import { VelosCommand } from "../velos-command.ts";

export class RestartCommand extends VelosCommand {
  static override paths = [["restart"]];
  static override usage = Command.Usage({
    description: "restart apps or single instances, all at once",
    details:
      "All selected instances at the same time: `velos reload` goes instance by instance. With --rolling it is the same.",
    examples: [
      ["all instances of api", "velos restart api"],
      ["one of them", "velos restart api:2"],
    ],
  });

  rolling = Option.Boolean("--rolling", false, { description: "instance by instance, as velos reload does" });
  cron = Option.Boolean("--cron", false, { hidden: true });
  selectors = Option.Rest({ name: "selector", required: 1 });

  override async execute(): Promise<number> {
    return this.withDaemon(async (daemon) => {
      const { apps } = await withProgress(this.terminal, daemon, () =>
        daemon.call("restart", {
          selectors: this.selectors,
          rolling: this.rolling,
          reason: this.cron ? "cron" : "manual",
        }),
      );
      if (this.json) this.printJson({ apps });
      else this.print(settledText(apps, this.style, this.width));
      return 0;
    });
  }
}
