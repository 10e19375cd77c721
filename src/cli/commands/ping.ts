import { Command } from "clipanion";
import { formatBytes, formatSpan } from "../../domain/units.ts";
import { VelosCommand } from "../velos-command.ts";

export class PingCommand extends VelosCommand {
  static override paths = [["ping"]];
  static override usage = Command.Usage({
    description: "ask velosd whether it is there; starts it where it is not",
    examples: [["", "velos ping"]],
  });

  override async execute(): Promise<number> {
    return this.withDaemon(async (daemon) => {
      const about = await daemon.call("ping", {});
      if (this.json) this.printJson(about);
      else
        this.print(
          `velosd ${about.version}, pid ${about.pid}, ${about.scope} scope, backend ${about.backend}, up ${formatSpan(about.uptimeMs)}, ${formatBytes(about.memoryBytes)}`,
        );
      return 0;
    });
  }
}
