import { Command, Option } from "clipanion";
import { describeText } from "../render/describe.ts";
import { VelosCommand } from "../velos-command.ts";

export class DescribeCommand extends VelosCommand {
  static override paths = [["describe"]];
  static override usage = Command.Usage({
    description: "everything about an app or one of its instances",
    details: "Spec, units, limits, last exits, and the last lines of severity error.",
    examples: [
      ["", "velos describe api"],
      ["one instance", "velos describe api:2"],
    ],
  });

  selector = Option.String({ name: "selector" });

  override async execute(): Promise<number> {
    return this.withDaemon(async (daemon) => {
      const described = await daemon.call("describe", { selector: this.selector, exposure: true });
      const errors = [];
      for await (const line of daemon.stream("logs", { selectors: [this.selector], lines: 5, level: "error" }))
        errors.push(line);
      if (this.json) this.printJson({ ...described, errors });
      else this.print(describeText(described, errors, this.style, this.width));
      return 0;
    });
  }
}
