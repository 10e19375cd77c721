import { Command, Option } from "clipanion";
import { VelosCommand } from "../velos-command.ts";

export class SignalCommand extends VelosCommand {
  static override paths = [["signal"]];
  static override usage = Command.Usage({
    description: "send a signal to the main process of instances",
    details: "Names with or without SIG, or numbers.",
    examples: [
      ["", "velos signal SIGHUP api"],
      ["one instance", "velos signal usr2 api:1"],
    ],
  });

  signal = Option.String({ name: "signal" });
  selectors = Option.Rest({ name: "selector", required: 1 });

  override async execute(): Promise<number> {
    return this.withDaemon(async (daemon) => {
      const { signalled } = await daemon.call("signal", { signal: this.signal, selectors: this.selectors });
      if (this.json) this.printJson({ signalled });
      else this.print(signalled.length === 0 ? "nothing of it runs" : `signalled ${signalled.join(", ")}`);
      return 0;
    });
  }
}
