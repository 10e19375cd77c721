import { Command } from "clipanion";
import { stopDaemon } from "../../client/stop-daemon.ts";
import { VelosCommand } from "../velos-command.ts";

export class KillCommand extends VelosCommand {
  static override paths = [["kill"]];
  static override usage = Command.Usage({
    description: "end velosd; applications go on",
    details: "The next command starts it again, of the build that is installed then.",
    examples: [["", "velos kill"]],
  });

  override async execute(): Promise<number> {
    const pid = await stopDaemon({ paths: this.places, backend: this.backend, env: this.terminal.env });
    if (this.json) this.printJson({ pid: pid ?? null });
    else this.print(pid === undefined ? "velosd does not run" : `velosd (pid ${pid}) has ended; applications go on`);
    return 0;
  }
}
