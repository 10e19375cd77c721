import { Command, Option } from "clipanion";
import { unstartupText } from "../render/startup.ts";
import { VelosCommand } from "../velos-command.ts";

export class UnstartupCommand extends VelosCommand {
  static override paths = [["unstartup"]];
  static override usage = Command.Usage({
    description: "start velosd at boot no longer; undoes startup",
    details: "Removes what `velos startup` has written, and nothing else. What runs goes on.",
    examples: [["", "velos unstartup"]],
  });

  dryRun = Option.Boolean("--dry-run", false, { description: "say what would be done, do nothing" });

  override async execute(): Promise<number> {
    const { unstartup } = await import("../../startup/main.ts");
    const { places: paths, backend, terminal, dryRun } = this;
    const report = await unstartup({
      paths,
      backend,
      env: terminal.env,
      uid: terminal.getuid?.(),
      node: terminal.execPath,
      dist: __dirname,
      dryRun,
    });
    if (this.json) this.printJson(report);
    else this.print(unstartupText(report));
    return 0;
  }
}
