import { Command, Option } from "clipanion";
import { startupText } from "../render/startup.ts";
import { VelosCommand } from "../velos-command.ts";

export class StartupCommand extends VelosCommand {
  static override paths = [["startup"]];
  static override usage = Command.Usage({
    description: "start velosd at boot, and with it what runs now",
    details: `
      Installs and enables the units of velosd, and hands over to them from a velosd that a command has started; no
      instance is touched. What runs when the machine goes down runs again when it is back, in the same number; what is
      stopped stays stopped. Nothing has to be saved.

      In the user scope lingering is turned on as well, without which a user's apps end with the last session.
    `,
    examples: [
      ["for your own apps", "velos startup"],
      ["for the whole machine", "sudo velos startup"],
      ["what it would do", "velos startup --dry-run"],
    ],
  });

  dryRun = Option.Boolean("--dry-run", false, { description: "print what would be done, do nothing" });

  override async execute(): Promise<number> {
    const { startup } = await import("../../startup/main.ts");
    const { places: paths, backend, terminal, dryRun } = this;
    const report = await startup({
      paths,
      backend,
      env: terminal.env,
      uid: terminal.getuid?.(),
      node: terminal.execPath,
      dist: __dirname,
      dryRun,
    });
    if (this.json) this.printJson(report);
    else this.print(startupText(report));
    // Without it nothing comes up at boot, which is what was asked for.
    return !dryRun && report.linger?.on === false ? 1 : 0;
  }
}
