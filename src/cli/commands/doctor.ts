import { Command } from "clipanion";
import { VelosCommand } from "../velos-command.ts";

export class DoctorCommand extends VelosCommand {
  static override paths = [["doctor"]];
  static override usage = Command.Usage({
    description: "what this machine gives velos, and what velos does without",
    details: "Exits with 1 when something keeps velos from working; what it only does without is no failure.",
    examples: [["", "velos doctor"]],
  });

  override async execute(): Promise<number> {
    return this.withDaemon(async (daemon) => {
      const [about, { facilities, problems }] = await Promise.all([daemon.call("ping", {}), daemon.call("doctor", {})]);
      if (this.json) this.printJson({ ...about, facilities, problems });
      else {
        const { style } = this;
        this.print(
          [
            `velosd ${about.version}, ${about.scope} scope, backend ${about.backend}, Node ${about.node}`,
            ...facilities.map(
              ({ name, ok, note }) => `${ok ? style.green("ok") : style.yellow("--")}  ${name.padEnd(20)} ${note}`,
            ),
            ...problems.map((problem) => `${style.red("!!")}  ${problem}`),
          ].join("\n"),
        );
      }
      return problems.length > 0 ? 1 : 0;
    });
  }
}
