import { Command, Option } from "clipanion";
import { withProgress } from "../progress.ts";
import { VelosCommand } from "../velos-command.ts";

export class DeleteCommand extends VelosCommand {
  static override paths = [["delete"]];
  static override usage = Command.Usage({
    description: "stop apps and forget them",
    details: "Their units, counts and stored specs are gone afterwards; what the journal has of them stays.",
    examples: [
      ["", "velos delete api"],
      ["every app", "velos delete all"],
    ],
  });

  selectors = Option.Rest({ name: "selector", required: 1 });

  override async execute(): Promise<number> {
    return this.withDaemon(async (daemon) => {
      const { deleted } = await withProgress(this.terminal, daemon, () =>
        daemon.call("delete", { selectors: this.selectors }),
      );
      if (this.json) this.printJson({ deleted });
      else this.print(deleted.length === 0 ? "no apps" : `deleted ${deleted.join(", ")}`);
      return 0;
    });
  }
}
