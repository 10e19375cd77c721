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
    const { examine } = await import("../examine.ts");
    const { doctorText } = await import("../render/doctor.ts");
    const findings = await examine(this.terminal, this.places, this.backend, () => this.connect());
    if (this.json) this.printJson(findings);
    else this.print(doctorText(findings, this.style));
    return findings.problems.length > 0 ? 1 : 0;
  }
}
