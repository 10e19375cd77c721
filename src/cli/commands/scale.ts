import { Command, Option } from "clipanion";
import { withProgress } from "../progress.ts";
import { settledText } from "../settled.ts";
import { VelosCommand } from "../velos-command.ts";

export class ScaleCommand extends VelosCommand {
  static override paths = [["scale"]];
  static override usage = Command.Usage({
    description: "set how many instances an app has",
    details: "Added instances get the next indexes, the highest go first. `max` is one per processor.",
    examples: [
      ["exactly six", "velos scale api 6"],
      ["two more", "velos scale api +2"],
      ["one less", "velos scale api -1"],
    ],
  });

  app = Option.String({ name: "app" });
  instances = Option.String({ name: "N|+N|-N|max" });

  override async execute(): Promise<number> {
    return this.withDaemon(async (daemon) => {
      const instances = this.instances.replace(/^minus:/, "-");
      const { app } = await withProgress(this.terminal, daemon, () =>
        daemon.call("scale", { app: this.app, instances }),
      );
      if (this.json) this.printJson({ app });
      else this.print(settledText([app], this.style, this.width));
      return 0;
    });
  }
}
