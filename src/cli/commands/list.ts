import { Command, Option } from "clipanion";
import type { Connection } from "../../client/connection.ts";
import type { Result } from "../../api/operations.ts";
import { settledText } from "../settled.ts";
import { VelosCommand } from "../velos-command.ts";

export class ListCommand extends VelosCommand {
  static override paths = [["list"]];
  static override rest = "selector";
  static override usage = Command.Usage({
    description: "apps with their instances, a row each",
    details:
      "cpu: 100% is one processor, since the last look or, at the first, since the start. memory: of the instance and its children.",
    examples: [
      ["every app", "velos list"],
      ["only some", "velos list 'api*'"],
      ["again every second; q ends it", "velos list --watch"],
      ["for programs", "velos list --json"],
    ],
  });

  watch = Option.Boolean("-w,--watch", false, { description: "draw it again every second" });
  selectors = Option.Rest({ name: "selector" });

  override async execute(): Promise<number> {
    if (this.watch) {
      const { watchList } = await import("../watch-list.ts");
      const connect = (first: boolean): Promise<Connection> => this.connect(first);
      return watchList({ terminal: this.terminal, json: this.json, connect, look: (daemon) => this.#look(daemon) });
    }
    return this.withDaemon(async (daemon) => {
      const { apps, problems } = await this.#look(daemon);
      if (this.json) this.printJson({ apps, ...(problems.length > 0 && { problems }) });
      else {
        this.print(settledText(apps, this.style, this.width));
        for (const problem of problems) this.note(problem);
      }
      return 0;
    });
  }

  #look(daemon: Connection): Promise<Result<"list">> {
    return daemon.call("list", this.selectors.length > 0 ? { selectors: this.selectors } : {});
  }
}
