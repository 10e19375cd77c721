import { Command, Option } from "clipanion";
import { VelosCommand } from "../velos-command.ts";

export class EnvCommand extends VelosCommand {
  static override paths = [["env"]];
  static override usage = Command.Usage({
    description: "the environment an instance was started with",
    details: "What comes from env files is masked.",
    examples: [["", "velos env api:0"]],
  });

  selector = Option.String({ name: "app:index" });

  override async execute(): Promise<number> {
    return this.withDaemon(async (daemon) => {
      const { env } = await daemon.call("env", { selector: this.selector });
      if (this.json) this.printJson({ env });
      else
        this.print(
          Object.entries(env)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, value]) => `${name}=${value}`)
            .join("\n"),
        );
      return 0;
    });
  }
}
