import { Command, Option } from "clipanion";
import { appTable } from "../render/app-table.ts";
import { VelosCommand } from "../velos-command.ts";

export class ListCommand extends VelosCommand {
  static override paths = [["list"]];
  static override usage = Command.Usage({
    description: "apps with their instances, a row each",
    details:
      "cpu: 100% is one processor, since the last look or, at the first, since the start. memory: of the instance and its children.",
    examples: [
      ["", "velos list"],
      ["only some", "velos list 'api*'"],
      ["for programs", "velos list --json"],
    ],
  });

  watch = Option.Boolean("-w,--watch", false, { description: "draw it again every second" });
  selectors = Option.Rest({ name: "selector" });

  override async execute(): Promise<number> {
    return this.withDaemon(async (daemon) => {
      for (;;) {
        const { apps, problems } = await daemon.call(
          "list",
          this.selectors.length > 0 ? { selectors: this.selectors } : {},
        );
        const width = this.terminal.stdout.columns ?? 80;
        if (this.json) this.printJson({ apps, ...(problems.length > 0 && { problems }) });
        else this.print(`${this.watch ? "\u001b[H\u001b[2J" : ""}${appTable(apps, this.style, width)}`);
        if (!this.json) for (const problem of problems) this.note(problem);
        if (!this.watch || this.json) return 0;
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    });
  }
}
